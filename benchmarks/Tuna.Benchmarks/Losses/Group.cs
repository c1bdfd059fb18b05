using Tuna.Losses;
using Tuna.Numerics;

namespace Tuna.Benchmarks.Losses;

/// <summary>One group as the plain implementations see it: arrays, candidates best first, the reference response last.</summary>
internal sealed class Group
{
    public required double[] LogProbs { get; init; }

    public required double[] ReferencePolicy { get; init; }

    public required double[] OldPolicy { get; init; }

    public required int[] Lengths { get; init; }

    public required double[] Scores { get; init; }

    public int Candidates => Scores.Length;

    public double Mean(int k) => LogProbs[k] / Lengths[k];

    public double Ratio(int k) => LogProbs[k] - ReferencePolicy[k];

    public static Group[] Random(int groups, int candidates)
    {
        var rng = new Rng(17);
        return [.. Enumerable.Range(0, groups).Select(_ =>
        {
            int[] lengths = [.. Enumerable.Range(0, candidates + 1).Select(_ => 20 + rng.Next(180))];
            double[] logProbs = [.. lengths.Select(n => -n * (0.5 + rng.NextDouble()))];
            return new Group
            {
                Lengths = lengths,
                LogProbs = logProbs,
                ReferencePolicy = [.. logProbs.Select(x => x + (4 * rng.NextGaussian()))],
                OldPolicy = [.. logProbs.Select((x, k) => x + (lengths[k] * (k % 3 == 0 ? 0 : 4e-4 * ((k % 5) - 2))))],
                Scores = [.. Enumerable.Range(0, candidates).Select(k => (candidates - k) / (double)candidates)],
            };
        })];
    }
}

/// <summary>The same groups as the library sees them.</summary>
internal sealed class FlatGroups
{
    private readonly int[] _offsets, _counts, _lengths;
    private readonly double[] _logProbs, _scores, _reference, _old;

    public FlatGroups(Group[] groups)
    {
        _offsets = new int[groups.Length + 1];
        for (int b = 0; b < groups.Length; b++)
            _offsets[b + 1] = _offsets[b] + groups[b].LogProbs.Length;
        _counts = [.. groups.Select(g => g.Candidates)];
        _lengths = [.. groups.SelectMany(g => g.Lengths)];
        _logProbs = [.. groups.SelectMany(g => g.LogProbs)];
        _scores = [.. groups.SelectMany(g => g.Scores.Append(double.NaN))];
        _reference = [.. groups.SelectMany(g => g.ReferencePolicy)];
        _old = [.. groups.SelectMany(g => g.OldPolicy)];
    }

    public int Rows => _logProbs.Length;

    public RankingBatch View() => new()
    {
        Offsets = _offsets,
        CandidateCounts = _counts,
        Values = _logProbs,
        Lengths = _lengths,
        Scores = _scores,
        ReferencePolicyLogProbs = _reference,
        OldPolicyLogProbs = _old,
    };
}
