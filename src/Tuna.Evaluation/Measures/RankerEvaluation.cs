using Tuna.Evaluation.Statistics;

namespace Tuna.Evaluation.Measures;

/// <summary>How well a ranker's scores follow a judge's, and how far both, and length alone, go by length.</summary>
/// <remarks>
/// Length is the number of characters, which every ranker and tokenizer shares. Pair figures are shares of all pairs, over all rows, that
/// the judge orders; correlations are means over the rows where they are defined; what nothing defines is NaN. The paper finds that its
/// proxy ranking model prefers long answers: compare <see cref="PrefersLonger"/> with <see cref="JudgePrefersLonger"/>, and see in
/// <see cref="LengthMatchedAccuracy"/> what the ranker knows beside length. A mutable class, used by one thread.
/// </remarks>
public sealed class RankerEvaluation
{
    /// <summary>Two responses are matched in length when they differ by at most this share of the longer one.</summary>
    public const double MatchedWithin = 0.1;

    private readonly MeanOf _spearman = new(), _kendall = new(), _lengthSpearman = new(), _lengthBias = new(), _judgeLengthBias = new();
    private readonly List<RowPairs> _rows = [];
    private double _best;

    /// <summary>Rows added.</summary>
    public int Rows => _rows.Count;

    /// <summary>Pairs that the judge orders.</summary>
    public long Pairs => _rows.Sum(r => (long)r.Pairs);

    /// <summary>Share of the judge's pairs that the ranker orders the same way; a tie counts one half. [0, 1].</summary>
    public double PairwiseAccuracy => _rows.Sum(r => r.Right) / Pairs;

    /// <summary>The same for the baseline that prefers the longer response.</summary>
    public double LengthBaselineAccuracy => _rows.Sum(r => r.LengthRight) / Pairs;

    /// <summary>Pairs that the judge orders and whose responses are matched in length (<see cref="MatchedWithin"/>).</summary>
    public long LengthMatchedPairs => _rows.Sum(r => (long)r.Matched);

    /// <summary><see cref="PairwiseAccuracy"/> on the pairs matched in length, where length tells next to nothing. [0, 1].</summary>
    public double LengthMatchedAccuracy => _rows.Sum(r => r.MatchedRight) / LengthMatchedPairs;

    /// <summary>What the longer response gets on those pairs; a half when length tells nothing there.</summary>
    public double LengthMatchedBaseline => _rows.Sum(r => r.MatchedLengthRight) / LengthMatchedPairs;

    /// <summary>Share of rows whose best candidate for the ranker (the first of equals) is the judge's best, or one of its best. [0,
    /// 1].</summary>
    public double TopAccuracy => _best / Rows;

    /// <summary>Mean over rows of Spearman's correlation between the ranker's scores and the judge's. [-1, 1].</summary>
    public double Spearman => _spearman.Value;

    /// <summary>Mean over rows of Kendall's tau-b, likewise. [-1, 1].</summary>
    public double KendallTauB => _kendall.Value;

    /// <summary>Mean over rows of Spearman's correlation between length and the judge's scores. [-1, 1].</summary>
    public double LengthBaselineSpearman => _lengthSpearman.Value;

    /// <summary>Mean over rows of Spearman's correlation between the ranker's scores and length: its length bias. [-1, 1].</summary>
    public double LengthBias => _lengthBias.Value;

    /// <summary>The judge's own length bias.</summary>
    public double JudgeLengthBias => _judgeLengthBias.Value;

    /// <summary>Share of the judge's pairs of different length in which the ranker prefers the longer one. [0, 1].</summary>
    public double PrefersLonger => _rows.Sum(r => r.Longer) / _rows.Sum(r => (double)r.Unequal);

    /// <summary>The same for the judge.</summary>
    public double JudgePrefersLonger => _rows.Sum(r => r.JudgeLonger) / _rows.Sum(r => (double)r.Unequal);

    /// <summary>The interval of <see cref="PairwiseAccuracy"/> by resampling rows, whose pairs are not independent; null when there is no
    /// pair.</summary>
    /// <param name="samples">Resamples, at least 1.</param>
    /// <param name="seed">Seed.</param>
    public BootstrapInterval? AccuracyInterval(int samples = 1000, ulong seed = 0) => Interval(r => r.Right, r => r.Pairs, samples, seed);

    /// <summary>The interval of <see cref="PairwiseAccuracy"/> minus <see cref="LengthBaselineAccuracy"/>, likewise: it lies above 0 when
    /// the ranker beats length.</summary>
    /// <inheritdoc cref="AccuracyInterval"/>
    public BootstrapInterval? OverLengthInterval(int samples = 1000, ulong seed = 0) =>
        Interval(r => r.Right - r.LengthRight, r => r.Pairs, samples, seed);

    /// <summary>The interval of <see cref="LengthMatchedAccuracy"/>, likewise; null when no pair is matched in length.</summary>
    /// <inheritdoc cref="AccuracyInterval"/>
    public BootstrapInterval? LengthMatchedInterval(int samples = 1000, ulong seed = 0) =>
        Interval(r => r.MatchedRight, r => r.Matched, samples, seed);

    /// <summary>Adds a row.</summary>
    /// <param name="texts">The candidates, [K].</param>
    /// <param name="judge">The judge's score of each, [K].</param>
    /// <param name="ranker">The ranker's score of each, [K].</param>
    /// <exception cref="ArgumentException">The lengths differ, or a score is NaN.</exception>
    public void Add(IReadOnlyList<string> texts, ReadOnlySpan<double> judge, ReadOnlySpan<double> ranker)
    {
        ArgumentNullException.ThrowIfNull(texts);
        if (judge.Length != texts.Count || ranker.Length != texts.Count)
            throw new ArgumentException(
                $"There are {texts.Count} candidates, {judge.Length} scores of the judge and {ranker.Length} of the ranker.");
        var lengths = new double[texts.Count];
        for (int k = 0; k < lengths.Length; k++)
            lengths[k] = texts[k].Length;
        _spearman.Add(Agreement.Spearman(ranker, judge));
        _kendall.Add(Agreement.KendallTauB(ranker, judge));
        _lengthSpearman.Add(Agreement.Spearman(lengths, judge));
        _lengthBias.Add(Agreement.Spearman(ranker, lengths));
        _judgeLengthBias.Add(Agreement.Spearman(judge, lengths));
        var row = new RowPairs();
        int top = 0;
        double best = double.NegativeInfinity;
        for (int i = 0; i < lengths.Length; i++)
        {
            top = ranker[i] > ranker[top] ? i : top;
            best = Math.Max(best, judge[i]);
            for (int j = 0; j < i; j++)
            {
                bool matched = Math.Abs(lengths[i] - lengths[j]) <= MatchedWithin * Math.Max(lengths[i], lengths[j]);
                row.Add(judge[i].CompareTo(judge[j]), ranker[i].CompareTo(ranker[j]), lengths[i].CompareTo(lengths[j]), matched);
            }
        }

        _rows.Add(row);
        if (lengths.Length > 0 && judge[top] == best)
            _best++;
    }

    private BootstrapInterval? Interval(Func<RowPairs, double> part, Func<RowPairs, double> whole, int samples, ulong seed)
    {
        RowPairs[] rows = [.. _rows.Where(r => whole(r) > 0)];
        return rows.Length == 0 ? null : Bootstrap.RatioInterval([.. rows.Select(part)], [.. rows.Select(whole)], samples, seed);
    }

    /// <summary>The pairs of one row that the judge orders.</summary>
    private sealed class RowPairs
    {
        public int Pairs, Unequal, Matched;
        public double Right, LengthRight, MatchedRight, MatchedLengthRight, Longer, JudgeLonger;

        // Each of the first three says which of two candidates is preferred, or longer: -1, 0 or 1.
        public void Add(int judge, int ranker, int length, bool matched)
        {
            if (judge == 0)
                return;
            double right = (1 + (judge * ranker)) / 2.0;
            Pairs++;
            Right += right;
            double lengthRight = (1 + (judge * length)) / 2.0;
            LengthRight += lengthRight;
            if (matched)
            {
                Matched++;
                MatchedRight += right;
                MatchedLengthRight += lengthRight;
            }

            if (length != 0)
            {
                Unequal++;
                Longer += (1 + (length * ranker)) / 2.0;
                JudgeLonger += (1 + (length * judge)) / 2.0;
            }
        }
    }

    private sealed class MeanOf
    {
        private double _sum;
        private int _count;

        public double Value => _sum / _count;

        public void Add(double value)
        {
            if (double.IsNaN(value))
                return; // all ties on one side: no correlation
            _sum += value;
            _count++;
        }
    }
}
