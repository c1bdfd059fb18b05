using Tuna.Numerics;

namespace Tuna.Data;

/// <summary>Describes a ranked data set: sizes, scores, margins, ties, duplicates, lengths by rank, and the models.</summary>
/// <remarks>
/// Rows are added one by one and not kept; some 40 bytes for each remember its instruction's hash. Histograms draw on a seeded sample of at
/// most <see cref="SampleSize"/> values each; everything else is exact. Length is counted in characters. A mutable class, used by one
/// thread.
/// </remarks>
public sealed class RankedStatistics
{
    /// <summary>Most values that a histogram draws on.</summary>
    public const int SampleSize = 20_000;

    private readonly TextDuplicates _instructions = new(DuplicateMatch.Normalized);
    private readonly SortedDictionary<int, long> _candidateCounts = [];
    private readonly List<RunningMean> _lengthByRank = [];
    private readonly SortedDictionary<string, ModelStatistics> _models = new(StringComparer.Ordinal);
    private readonly Sample _scores = new(1);
    private readonly Sample _margins = new(2);
    private readonly Sample _spreads = new(3);
    private RunningMean _lengthCorrelation;
    private RunningMean _longestIsBest;

    /// <summary>Rows.</summary>
    public long Rows { get; private set; }

    /// <summary>Rows with at least two scored candidates.</summary>
    public long RankedRows { get; private set; }

    /// <summary>Candidates.</summary>
    public long Candidates { get; private set; }

    /// <summary>Candidates without a score.</summary>
    public long MissingScores { get; private set; }

    /// <summary>Empty or blank candidates.</summary>
    public long EmptyCandidates { get; private set; }

    /// <summary>Rows whose instruction and input repeat an earlier row's, apart from case, punctuation and spaces.</summary>
    public long RepeatedInstructions { get; private set; }

    /// <summary>Candidates that repeat another of their row exactly.</summary>
    public long RepeatedCandidates { get; private set; }

    /// <summary>Pairs of scored candidates of one row.</summary>
    public long Pairs { get; private set; }

    /// <summary>Those of equal score.</summary>
    public long TiedPairs { get; private set; }

    /// <summary>Rows with a reference.</summary>
    public long References { get; private set; }

    /// <summary>How many rows have how many candidates.</summary>
    public IReadOnlyDictionary<int, long> CandidateCounts => _candidateCounts;

    /// <summary>Mean length in characters of the candidates of each rank, best first.</summary>
    public IReadOnlyList<double> MeanLengthByRank => [.. _lengthByRank.Select(m => m.Mean)];

    /// <summary>Mean over rows of the rank correlation (Kendall's tau-b) of score and length, [-1, 1]; NaN without ranked rows. Positive
    /// means that longer is preferred.</summary>
    public double LengthCorrelation => _lengthCorrelation.Mean;

    /// <summary>Share of ranked rows whose longest candidate is (one of) the best; NaN without ranked rows.</summary>
    public double LongestIsBest => _longestIsBest.Mean;

    /// <summary>What is known about each model, by name.</summary>
    public IReadOnlyDictionary<string, ModelStatistics> Models => _models;

    /// <summary>A sample of the scores.</summary>
    public IReadOnlyList<double> ScoreSample => _scores.Values;

    /// <summary>A sample of the differences between candidates next to each other in rank.</summary>
    public IReadOnlyList<double> MarginSample => _margins.Values;

    /// <summary>A sample of the differences between a row's best and worst.</summary>
    public IReadOnlyList<double> SpreadSample => _spreads.Values;

    /// <summary>The statistics of all rows of a sequence.</summary>
    public static RankedStatistics Of(IEnumerable<RankedExample> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var statistics = new RankedStatistics();
        foreach (RankedExample row in rows)
            statistics.Add(row);
        return statistics;
    }

    /// <summary>Adds a row.</summary>
    public void Add(RankedExample row)
    {
        ArgumentNullException.ThrowIfNull(row);
        int n = row.Outputs.Count;
        Rows++;
        Candidates += n;
        _candidateCounts[n] = _candidateCounts.GetValueOrDefault(n) + 1;
        References += row.Reference is null ? 0 : 1;
        EmptyCandidates += row.Outputs.Count(string.IsNullOrWhiteSpace);
        RepeatedCandidates += n - row.Outputs.Distinct(StringComparer.Ordinal).Count();
        RepeatedInstructions += _instructions.FindOrAdd(row.Instruction + "\n" + row.Input) < 0 ? 0 : 1;
        int[] order = row.Order();
        MissingScores += n - order.Length;
        for (int r = 0; r < order.Length; r++)
        {
            if (r == _lengthByRank.Count)
                _lengthByRank.Add(default);
            _lengthByRank[r] = _lengthByRank[r].Add(row.Outputs[order[r]].Length);
            _scores.Add(row.Scores[order[r]]!.Value);
            if (r > 0)
                _margins.Add(row.Scores[order[r - 1]]!.Value - row.Scores[order[r]]!.Value);
        }

        if (order.Length >= 2)
            AddPairs(row, order);
        AddModels(row, order);
    }

    private void AddPairs(RankedExample row, int[] order)
    {
        RankedRows++;
        double best = row.Scores[order[0]]!.Value;
        _spreads.Add(best - row.Scores[order[^1]]!.Value);
        int longest = order.Max(k => row.Outputs[k].Length);
        _longestIsBest = _longestIsBest.Add(order.Any(k => row.Scores[k] == best && row.Outputs[k].Length == longest) ? 1 : 0);

        // Kendall's tau-b over the row's pairs.
        long agree = 0, byScore = 0, byLength = 0;
        for (int a = 0; a < order.Length; a++)
        {
            for (int b = a + 1; b < order.Length; b++)
            {
                int score = row.Scores[order[a]]!.Value.CompareTo(row.Scores[order[b]]!.Value);
                int length = row.Outputs[order[a]].Length.CompareTo(row.Outputs[order[b]].Length);
                Pairs++;
                TiedPairs += score == 0 ? 1 : 0;
                agree += Math.Sign(score) * Math.Sign(length);
                byScore += score == 0 ? 0 : 1;
                byLength += length == 0 ? 0 : 1;
            }
        }

        if (byScore > 0 && byLength > 0)
            _lengthCorrelation = _lengthCorrelation.Add(agree / Math.Sqrt((double)byScore * byLength));
    }

    private void AddModels(RankedExample row, int[] order)
    {
        for (int k = 0; k < row.Models.Count; k++)
        {
            if (row.Models[k] is not { } name)
                continue;
            ModelStatistics model = _models.GetValueOrDefault(name) ?? new();
            int rank = Array.IndexOf(order, k);
            // Candidates of equal score share the mean of their ranks.
            double? shared = rank < 0 ? null
                : 1 + order.Count(j => row.Scores[j] > row.Scores[k]) + (0.5 * (order.Count(j => row.Scores[j] == row.Scores[k]) - 1));
            _models[name] = model.Add(row.Outputs[k].Length, k < row.Scores.Count
                ? row.Scores[k] : null, shared, order.Length > 0 && row.Scores[k] == row.Scores[order[0]]);
        }
    }

    /// <summary>A mean that is updated value by value.</summary>
    internal readonly record struct RunningMean(long Count, double Sum)
    {
        public double Mean => Count == 0 ? double.NaN : Sum / Count;

        public RunningMean Add(double value) => new(Count + 1, Sum + value);
    }

    /// <summary>A uniform sample of a sequence of unknown length (Vitter's algorithm R), the same in every run.</summary>
    private sealed class Sample(ulong seed)
    {
        private readonly Rng _rng = new(seed);
        private readonly List<double> _values = [];
        private int _seen;

        public IReadOnlyList<double> Values => _values;

        public void Add(double value)
        {
            _seen = Math.Min(_seen + 1, int.MaxValue - 1);
            if (_values.Count < SampleSize)
                _values.Add(value);
            else if (_rng.Next(_seen) is int slot && slot < SampleSize)
                _values[slot] = value;
        }
    }
}

/// <summary>What is known about one model's responses.</summary>
/// <param name="Responses">How many there are.</param>
/// <param name="Scored">How many have a score.</param>
/// <param name="MeanScore">Their mean score; NaN when there is none.</param>
/// <param name="MeanRank">Their mean rank, 1 is best, equals share theirs; NaN when there is none.</param>
/// <param name="BestShare">Share of the scored ones that are (one of) the best of their row; NaN when there is none.</param>
/// <param name="MeanLength">Mean length in characters.</param>
public sealed record ModelStatistics(long Responses = 0, long Scored = 0, double MeanScore = double.NaN, double MeanRank = double.NaN,
    double BestShare = double.NaN, double MeanLength = double.NaN)
{
    internal ModelStatistics Add(int length, double? score, double? rank, bool best)
    {
        ModelStatistics next = this with { Responses = Responses + 1, MeanLength = Update(MeanLength, Responses, length) };
        if (score is not { } s || rank is not { } r)
            return next;
        return next with
        {
            Scored = Scored + 1,
            MeanScore = Update(MeanScore, Scored, s),
            MeanRank = Update(MeanRank, Scored, r),
            BestShare = Update(BestShare, Scored, best ? 1 : 0),
        };
    }

    private static double Update(double mean, long count, double value) => count == 0 ? value : mean + ((value - mean) / (count + 1));
}
