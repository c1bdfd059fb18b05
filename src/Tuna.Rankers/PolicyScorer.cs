using Tuna.Policies;
using Tuna.Data.Prompts;
using Tuna.Ranking;
using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Tuna.Rankers;

/// <summary>Asks a local model for one number per candidate: a log-probability or a reward. Thread-safe: rows wait for one
/// another.</summary>
internal sealed class PolicyScorer : IDisposable
{
    private readonly IResponseScorer _model;
    private readonly GroupTokenizer _tokens;
    private readonly SemaphoreSlim _turn = new(1, 1);

    public PolicyScorer(IResponseScorer model, ITokenizer tokenizer, IPromptTemplate? template)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokenizer);
        if (tokenizer.VocabularySize > model.Info.VocabularySize)
            throw new ArgumentException(
                $"The tokenizer has {tokenizer.VocabularySize} ids but the policy only {model.Info.VocabularySize}; they do not belong "
                + $"together.", nameof(tokenizer));
        _model = model;
        _tokens = new GroupTokenizer(tokenizer, template);
    }

    /// <summary>The values of a row's candidates and their lengths in tokens, end-of-sequence included.</summary>
    public async Task<(double[] Values, int[] Lengths)> ScoreAsync(RankingRequest request, CancellationToken cancellationToken)
    {
        TokenGroup group = Tokenize(request);
        var values = new double[group.Responses.Count];
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // The model computes for a while; the caller's thread is left free meanwhile.
            await Task.Run(() => _model.Score([group], values, cancellationToken), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }

        return (values, [.. group.Responses.Select(r => r.Length)]);
    }

    public void Dispose() => _turn.Dispose();

    private TokenGroup Tokenize(RankingRequest request)
    {
        if (request.Candidates.Count == 0)
            throw new RankingException(request.Id, RankingFailure.InvalidRequest, "there are no candidates to rank.");
        if (!_tokens.TryEncodePrompt(request.Instruction, request.Input, out int[] prompt, out string? refusal))
            throw new RankingException(request.Id, RankingFailure.InvalidRequest, refusal);
        var responses = new ReadOnlyMemory<int>[request.Candidates.Count];
        for (int k = 0; k < responses.Length; k++)
        {
            responses[k] = _tokens.EncodeResponse(request.Candidates[k].Text);
            int length = prompt.Length + responses[k].Length;
            if (length > _model.Info.ContextLength)
                throw new RankingException(request.Id, RankingFailure.InvalidRequest,
                    $"the prompt and candidate {k} have {length} tokens, but the policy's context has {_model.Info.ContextLength}.");
        }

        return new TokenGroup(request.Id, prompt, responses, new double[responses.Length]);
    }
}
