using Tuna.Losses;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

/// <summary>Groups of random tokens and losses on them.</summary>
internal static class Batches
{
    /// <summary>Groups with ragged responses, one of a single token and two that start with the same token.</summary>
    public static TokenGroup[] Random(int groups, int candidates, int vocabulary, ulong seed = 1)
    {
        var rng = new Rng(seed);
        return [.. Enumerable.Range(0, groups).Select(g =>
        {
            ReadOnlyMemory<int>[] responses =
                [.. Enumerable.Range(0, candidates).Select(k => (ReadOnlyMemory<int>)Tokens(k == 1 ? 1 : 3 + rng.Next(9)))];
            if (candidates > 2)
                responses[2].Span[..1].CopyTo(System.Runtime.InteropServices.MemoryMarshal.AsMemory(responses[0]).Span);
            return new TokenGroup($"group {g}", Tokens(2 + rng.Next(8)), responses,
                Enumerable.Range(0, candidates).Select(k => (double)-k).ToArray(), Tokens(4 + rng.Next(5)));
        })];

        int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(_ => 3 + rng.Next(vocabulary - 3))];
    }

    public static double[] Gradient(IRankingLoss loss, IReadOnlyList<TokenGroup> groups, ReadOnlySpan<double> logProbs, out double value)
    {
        var offsets = new int[groups.Count + 1];
        for (int g = 0; g < groups.Count; g++)
            offsets[g + 1] = offsets[g] + groups[g].Responses.Count;
        var batch = new RankingBatch
        {
            Offsets = offsets,
            CandidateCounts = groups.Select(g => g.CandidateCount).ToArray(),
            Values = logProbs,
            Lengths = groups.SelectMany(g => g.Responses).Select(r => r.Length).ToArray(),
            Scores = groups.SelectMany(g => Enumerable.Range(0, g.Responses.Count)
                .Select(k => k < g.CandidateCount ? g.Scores.Span[k] : double.NaN)).ToArray(),
        };
        var gradient = new double[logProbs.Length];
        value = loss.Evaluate(batch, gradient);
        return gradient;
    }

    /// <summary>One step: forward, backward, AdamW.</summary>
    public static double Train(ITrainableScorer policy, IRankingLoss loss, IReadOnlyList<TokenGroup> groups, long step, double rate = 1e-3)
    {
        double value = Accumulate(policy, loss, groups);
        policy.ApplyGradients(new AdamWStep(step, rate, 1, new AdamWSettings()));
        return value;
    }

    public static double Accumulate(ITrainableScorer policy, IRankingLoss loss, IReadOnlyList<TokenGroup> groups)
    {
        using IForwardPass pass = policy.Forward(groups);
        pass.Backward(Gradient(loss, groups, pass.Values, out double value));
        return value;
    }
}
