using System.Text.Json.Nodes;
using Tuna.Evaluation.Measures;
using Tuna.Evaluation.Statistics;

namespace Tuna.Cli.Evaluation;

/// <summary>The figures of a ranker beside a judge, by the names that result files, records and <c>--json</c> share.</summary>
internal static class RankerFigures
{
    public static IReadOnlyList<(string Name, double Value)> Of(RankerEvaluation e) =>
    [
        ("pairwise_accuracy", e.PairwiseAccuracy),
        ("length_baseline_accuracy", e.LengthBaselineAccuracy),
        ("length_matched_accuracy", e.LengthMatchedAccuracy),
        ("length_matched_baseline", e.LengthMatchedBaseline),
        ("spearman", e.Spearman),
        ("kendall_tau_b", e.KendallTauB),
        ("length_baseline_spearman", e.LengthBaselineSpearman),
        ("top_accuracy", e.TopAccuracy),
        ("length_bias", e.LengthBias),
        ("judge_length_bias", e.JudgeLengthBias),
        ("prefers_longer", e.PrefersLonger),
        ("judge_prefers_longer", e.JudgePrefersLonger),
        ("rows", e.Rows),
        ("pairs", e.Pairs),
        ("length_matched_pairs", e.LengthMatchedPairs),
    ];

    /// <summary>95 % intervals over rows: of the accuracy, of its lead over length alone, of the accuracy on pairs of like
    /// length.</summary>
    public static JsonObject Intervals(RankerEvaluation e)
    {
        var intervals = new JsonObject();
        foreach ((string name, BootstrapInterval? interval) in new[] { ("pairwise_accuracy", e.AccuracyInterval()),
            ("over_length", e.OverLengthInterval()), ("length_matched_accuracy", e.LengthMatchedInterval()) })
        {
            if (interval is { } i)
                intervals[name] = new JsonObject { ["low"] = Math.Round(i.Low, 6), ["high"] = Math.Round(i.High, 6) };
        }

        return intervals;
    }
}
