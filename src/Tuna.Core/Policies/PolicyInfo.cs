namespace Tuna.Policies;

/// <summary>Sizes of a model, and the checks that follow from them: an engine makes them before it computes anything, so that all engines
/// refuse the same input in the same words.</summary>
/// <param name="VocabularySize">Number of token ids, V.</param>
/// <param name="ContextLength">Longest sequence, prompt plus response, in tokens.</param>
/// <param name="HiddenSize">Model width, D.</param>
/// <param name="LayerCount">Number of decoder layers.</param>
/// <param name="ParameterCount">Number of distinct parameters (a tied embedding counts once).</param>
public sealed record PolicyInfo(int VocabularySize, int ContextLength, int HiddenSize, int LayerCount, long ParameterCount)
{
    /// <summary>Checks token ids and lengths of groups.</summary>
    /// <param name="groups">The groups.</param>
    /// <returns>The number of their responses, R.</returns>
    /// <exception cref="ArgumentException">A group is null, a token id is outside the vocabulary, or a prompt and a response exceed the
    /// context; names the group.</exception>
    public int CheckGroups(IReadOnlyList<TokenGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        int responses = 0;
        for (int g = 0; g < groups.Count; g++)
        {
            TokenGroup group = groups[g] ?? throw new ArgumentException($"Group {g} is null.", nameof(groups));
            if (FirstBad(group.Prompt.Span, VocabularySize) is >= 0 and int bad)
                throw BadToken($"Group '{group.Id}': token {bad} of the prompt", group.Prompt.Span[bad], VocabularySize,
                    nameof(groups));
            for (int k = 0; k < group.Responses.Count; k++)
            {
                ReadOnlySpan<int> response = group.Responses[k].Span;
                if (group.Prompt.Length + response.Length > ContextLength)
                {
                    throw new ArgumentException(
                        $"Group '{group.Id}': a prompt of {group.Prompt.Length} tokens and {Name(group, k)} of {response.Length} exceed "
                            + $"the context of {ContextLength}.", nameof(groups));
                }

                if (FirstBad(response, VocabularySize) is >= 0 and int place)
                    throw BadToken($"Group '{group.Id}': token {place} of {Name(group, k)}", response[place], VocabularySize,
                        nameof(groups));
            }

            responses += group.Responses.Count;
        }

        return responses;
    }

    /// <summary>Checks sampling requests.</summary>
    /// <param name="requests">The requests.</param>
    /// <exception cref="ArgumentException">A request is null, one of its numbers is outside its range, its prompt has a token id outside
    /// the vocabulary, or prompt and new tokens exceed the context; names the request.</exception>
    public void CheckRequests(IReadOnlyList<SamplingRequest> requests)
    {
        ArgumentNullException.ThrowIfNull(requests);
        for (int r = 0; r < requests.Count; r++)
        {
            SamplingRequest q = requests[r] ?? throw new ArgumentException($"Request {r} is null.", nameof(requests));
            Require(!q.Prompt.IsEmpty, r, "the prompt has no tokens");
            Require(q.Count >= 1, r, $"Count is {q.Count}; at least 1 is needed");
            Require(q.MaxNewTokens >= 1, r, $"MaxNewTokens is {q.MaxNewTokens}; at least 1 is needed");
            Require((long)q.Prompt.Length + q.MaxNewTokens <= ContextLength, r,
                $"a prompt of {q.Prompt.Length} tokens and {q.MaxNewTokens} new ones exceed the context of {ContextLength}");
            Require(double.IsFinite(q.Temperature)
                && q.Temperature >= 0, r, $"Temperature is {q.Temperature}; it is finite and not negative");
            Require(q.TopK >= 0, r, $"TopK is {q.TopK}; it is not negative");
            Require(q.TopP is > 0 and <= 1, r, $"TopP is {q.TopP}; it is in (0, 1]");
            CheckTokens(q.Prompt.Span, VocabularySize, $"request {r}'s prompt", nameof(requests));
        }

        static void Require(bool holds, int request, string message)
        {
            if (!holds)
                throw new ArgumentException($"Request {request}: {message}.", nameof(requests));
        }
    }

    /// <summary>Checks the token ids of one sequence.</summary>
    /// <param name="tokens">Token ids, [T].</param>
    /// <param name="vocabularySize">Number of token ids, V.</param>
    /// <param name="where">What the sequence is, for the error.</param>
    /// <param name="parameter">The parameter that it came in, for the error.</param>
    /// <exception cref="ArgumentException">A token id is outside the vocabulary; names its place.</exception>
    public static void CheckTokens(ReadOnlySpan<int> tokens, int vocabularySize, string where, string parameter)
    {
        if (FirstBad(tokens, vocabularySize) is >= 0 and int bad)
            throw BadToken($"Token {bad} of {where}", tokens[bad], vocabularySize, parameter);
    }

    private static string Name(TokenGroup group, int response) =>
        response < group.CandidateCount ? $"candidate {response}" : "the reference response";

    private static ArgumentException BadToken(string where, int token, int vocabularySize, string parameter) =>
        new($"{where} is {token}; the vocabulary has {vocabularySize} ids from 0.", parameter);

    private static int FirstBad(ReadOnlySpan<int> tokens, int vocabularySize) => tokens.IndexOfAnyExceptInRange(0, vocabularySize - 1);
}
