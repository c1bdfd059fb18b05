namespace Tuna.Policies;

/// <summary>One prompt's token ids and the token ids of its responses: the unit of work of every engine and loss.</summary>
/// <remarks>
/// Candidates come first, best first; the reference response, when there is one, comes last. A group is immutable.
/// An engine computes the prompt once and lets every response attend to it and to itself only.
/// </remarks>
public sealed class TokenGroup
{
    /// <summary>Creates a group.</summary>
    /// <param name="id">Names the group in errors, journals and caches.</param>
    /// <param name="prompt">Prompt token ids, [P], P >= 1.</param>
    /// <param name="candidates">Candidate responses, best first: K arrays of at least one token id each; K may be 0 when there is a
    /// reference.</param>
    /// <param name="scores">The ranker's score of each candidate, [K], finite and not increasing. Equal scores are ties.</param>
    /// <param name="reference">The original response's token ids, or null when there is none.</param>
    /// <exception cref="ArgumentException">The prompt or a response is empty, there is no response at all, or the scores do not
    /// fit.</exception>
    public TokenGroup(string id, ReadOnlyMemory<int> prompt, IReadOnlyList<ReadOnlyMemory<int>> candidates, ReadOnlyMemory<double> scores,
        ReadOnlyMemory<int>? reference = null)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentNullException.ThrowIfNull(candidates);
        if (prompt.IsEmpty)
            throw new ArgumentException($"Group '{id}': the prompt has no tokens.", nameof(prompt));
        if (scores.Length != candidates.Count)
            throw new ArgumentException($"Group '{id}': {candidates.Count} candidates but {scores.Length} scores.", nameof(scores));
        if (candidates.Count == 0 && reference is null)
            throw new ArgumentException($"Group '{id}': there is neither a candidate nor a reference response.", nameof(candidates));

        var responses = new ReadOnlyMemory<int>[candidates.Count + (reference is null ? 0 : 1)];
        for (int k = 0; k < candidates.Count; k++)
            responses[k] = candidates[k];
        if (reference is { } r)
            responses[^1] = r;
        for (int k = 0; k < responses.Length; k++)
        {
            if (responses[k].IsEmpty)
                throw new ArgumentException(
                    $"Group '{id}': {(k < candidates.Count ? $"candidate {k}" : "the reference response")} has no tokens.",
                    nameof(candidates));
        }

        ReadOnlySpan<double> s = scores.Span;
        for (int k = 0; k < s.Length; k++)
        {
            if (!double.IsFinite(s[k]))
                throw new ArgumentException($"Group '{id}': the score of candidate {k} is {s[k]}; scores are finite.", nameof(scores));
            if (k > 0 && s[k] > s[k - 1])
                throw new ArgumentException(
                    $"Group '{id}': candidate {k} scores higher than candidate {k - 1}; candidates are ordered best first.",
                    nameof(scores));
        }

        Id = id;
        Prompt = prompt;
        Responses = responses;
        CandidateCount = candidates.Count;
        Scores = scores;
    }

    private TokenGroup(TokenGroup group, ReadOnlyMemory<double> oldPolicyLogProbs) =>
        (Id, Prompt, Responses, CandidateCount, Scores, OldPolicyLogProbs) =
            (group.Id, group.Prompt, group.Responses, group.CandidateCount, group.Scores, oldPolicyLogProbs);

    /// <summary>Names the group in errors, journals and caches.</summary>
    public string Id { get; }

    /// <summary>Prompt token ids, [P].</summary>
    public ReadOnlyMemory<int> Prompt { get; }

    /// <summary>All responses: the candidates best first, then the reference response if there is one.</summary>
    public IReadOnlyList<ReadOnlyMemory<int>> Responses { get; }

    /// <summary>How many of <see cref="Responses"/> are candidates, K.</summary>
    public int CandidateCount { get; }

    /// <summary>Whether the last of <see cref="Responses"/> is the reference response.</summary>
    public bool HasReference => Responses.Count > CandidateCount;

    /// <summary>The ranker's score of each candidate, [K], not increasing.</summary>
    public ReadOnlyMemory<double> Scores { get; }

    /// <summary>Sum over each candidate's tokens of log p(token) under the policy that drew it, nats, [K]; empty where nobody has said so:
    /// see <see cref="WithOldPolicy"/>.</summary>
    public ReadOnlyMemory<double> OldPolicyLogProbs { get; }

    /// <summary>The same group with the log-probabilities of the policy that drew its candidates, for losses that take a ratio to
    /// it.</summary>
    /// <param name="logProbs">Sum over each candidate's tokens of log p(token), nats, finite, [K].</param>
    /// <exception cref="ArgumentException">There is not one finite number per candidate.</exception>
    public TokenGroup WithOldPolicy(ReadOnlyMemory<double> logProbs)
    {
        if (logProbs.Length != CandidateCount)
            throw new ArgumentException($"Group '{Id}': {CandidateCount} candidates but {logProbs.Length} log-probabilities of the old "
                + $"policy.", nameof(logProbs));
        foreach (double logProb in logProbs.Span)
        {
            if (!double.IsFinite(logProb))
                throw new ArgumentException($"Group '{Id}': a log-probability of the old policy is {logProb}; they are finite.",
                    nameof(logProbs));
        }

        return new TokenGroup(this, logProbs);
    }

    /// <summary>Prompt tokens plus all response tokens: the token rows that an engine computes for this group.</summary>
    public int TokenCount
    {
        get
        {
            int n = Prompt.Length;
            foreach (ReadOnlyMemory<int> r in Responses)
                n += r.Length;
            return n;
        }
    }
}
