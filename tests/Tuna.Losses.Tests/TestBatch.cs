namespace Tuna.Losses.Tests;

/// <summary>One group on the heap, as the scalar references read it.</summary>
internal sealed record TestGroup(double[] LogProbs, int[] Lengths, double[] Scores, double[] ReferencePolicy, bool HasReference = false)
{
    public int Candidates => Scores.Length;

    /// <summary>Of the policy that drew the candidates, [K]; the reference policy's where the case does not say.</summary>
    public double[]? OldPolicy { get; init; }

    public double Mean(int k) => LogProbs[k] / Lengths[k];

    public double Old(int k) => (OldPolicy ?? ReferencePolicy)[k];

    public double Ratio(int k) => LogProbs[k] - ReferencePolicy[k];

    /// <summary>Scores K, K-1, .., 1 for cases that have no scores of their own.</summary>
    public static double[] Descending(int candidates) => [.. Enumerable.Range(0, candidates).Select(k => (double)(candidates - k))];
}

/// <summary>A batch on the heap, and what tests ask of a loss on it.</summary>
internal sealed class TestBatch(params TestGroup[] groups)
{
    private readonly int[] _offsets = [.. groups.Aggregate(new List<int> { 0 }, (o, g) => [.. o, o[^1] + g.LogProbs.Length])];
    private readonly int[] _candidates = [.. groups.Select(g => g.Candidates)];
    private readonly int[] _lengths = [.. groups.SelectMany(g => g.Lengths)];
    private readonly double[] _scores = [.. groups.SelectMany(g => g.HasReference ? g.Scores.Append(double.NaN) : g.Scores)];
    private readonly double[] _reference = [.. groups.SelectMany(g => g.ReferencePolicy)];
    private readonly double[] _old = [.. groups.SelectMany(g =>
        g.HasReference && (g.OldPolicy ?? g.ReferencePolicy).Length > 0
            ? (g.OldPolicy ?? g.ReferencePolicy).Take(g.Candidates).Append(double.NaN) : g.OldPolicy ?? g.ReferencePolicy)];

    public double[] Values { get; } = [.. groups.SelectMany(g => g.LogProbs)];

    public IReadOnlyList<TestGroup> Groups => groups;

    public int Rows => Values.Length;

    public RankingBatch View(double[]? values = null) => new()
    {
        Offsets = _offsets,
        CandidateCounts = _candidates,
        Values = values ?? Values,
        Lengths = _lengths,
        Scores = _scores,
        ReferencePolicyLogProbs = _reference,
        OldPolicyLogProbs = _old,
    };

    public (double Value, double[] Gradient) Evaluate(IRankingLoss loss)
    {
        double[] gradient = new double[Rows];
        Array.Fill(gradient, double.NaN); // the loss must overwrite every entry
        return (loss.Evaluate(View(), gradient), gradient);
    }
}
