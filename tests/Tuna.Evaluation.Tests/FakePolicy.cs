using Tuna.Policies;
using Tuna.Data.Groups;

namespace Tuna.Evaluation.Tests;

/// <summary>A policy over bytes that answers a prompt as it is told, and counts how often it is asked.</summary>
internal sealed class FakePolicy(Func<string, string> answer, int contextLength = 4096) : IPolicyModel
{
    public int Asked { get; private set; }

    public Action? BeforeSample { get; set; }

    public PolicyInfo Info { get; } = new(ByteTokenizer.Instance.VocabularySize, contextLength, 4, 2, 1);

    public void Score(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken = default)
    {
        // -0.5 nats a token, but -1 for each token of an odd response.
        int r = 0;
        foreach (TokenGroup group in groups)
        {
            for (int k = 0; k < group.Responses.Count; k++)
                logProbs[r++] = group.Responses[k].Length * (k % 2 == 0 ? -0.5 : -1);
        }
    }

    public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
        CancellationToken cancellationToken = default)
    {
        BeforeSample?.Invoke();
        cancellationToken.ThrowIfCancellationRequested();
        Asked += requests.Count;
        return [.. requests.Select(request => (IReadOnlyList<SampledResponse>)[One(request)])];
    }

    public void Dispose()
    {
    }

    private SampledResponse One(SamplingRequest request)
    {
        int[] tokens = [.. ByteTokenizer.Instance.Encode(answer(ByteTokenizer.Instance.Decode(request.Prompt.Span))),
            ByteTokenizer.Instance.EosId];
        bool stopped = tokens.Length <= request.MaxNewTokens;
        return new SampledResponse(stopped ? tokens : tokens[..request.MaxNewTokens], -1, stopped);
    }
}
