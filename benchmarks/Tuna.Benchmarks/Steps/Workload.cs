using Tuna.Losses;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Benchmarks.Steps;

/// <summary>The instructions of one step: random prompts, each with candidates of given lengths, best first, and no reference
/// response.</summary>
internal sealed class Workload
{
    private readonly int[] _offsets;
    private readonly int[] _counts;
    private readonly int[] _lengths;
    private readonly double[] _scores;

    public Workload(int instructions, int prompt, int[] lengths, int vocabulary, bool sharing, ulong seed = 1)
    {
        var rng = new Rng(seed);
        var groups = new List<TokenGroup>();
        double[] scores = [.. Enumerable.Range(0, lengths.Length).Select(k => (double)(lengths.Length - k))];
        for (int b = 0; b < instructions; b++)
        {
            int[] promptIds = Tokens(rng, prompt, vocabulary);
            ReadOnlyMemory<int>[] responses = [.. lengths.Select(n => (ReadOnlyMemory<int>)Tokens(rng, n, vocabulary))];
            if (sharing)
                groups.Add(new TokenGroup($"{b}", promptIds, responses, scores));
            else
                groups.AddRange(responses.Select((r, k) => new TokenGroup($"{b}.{k}", promptIds, [r], new[] { scores[k] })));
        }

        Groups = groups;
        _offsets = [.. Enumerable.Range(0, instructions + 1).Select(b => b * lengths.Length)];
        _counts = [.. Enumerable.Repeat(lengths.Length, instructions)];
        _lengths = [.. Enumerable.Range(0, instructions).SelectMany(_ => lengths)];
        _scores = [.. Enumerable.Range(0, instructions).SelectMany(_ => scores)];
    }

    /// <summary>What the engine computes: a group per instruction, or, without sharing, one per response.</summary>
    public IReadOnlyList<TokenGroup> Groups { get; }

    /// <summary>Responses altogether, R.</summary>
    public int Responses => _lengths.Length;

    /// <summary>What the loss sees: a group per instruction in either case.</summary>
    public RankingBatch Batch(ReadOnlySpan<double> values) => new()
    {
        Offsets = _offsets,
        CandidateCounts = _counts,
        Values = values,
        Lengths = _lengths,
        Scores = _scores,
    };

    /// <summary>Random ids; the first three are left to special tokens.</summary>
    public static int[] Tokens(Rng rng, int count, int vocabulary) =>
        [.. Enumerable.Range(0, count).Select(_ => 3 + rng.Next(vocabulary - 3))];
}
