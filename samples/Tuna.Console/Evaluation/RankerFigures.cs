using Tuna.Evaluation.Measures;
using Tuna.Evaluation.Statistics;

namespace TunaConsole.Evaluation;

/// <summary>The figures of a ranker beside a judge, by the names that result files, records and <c>--json</c> share; with 95 % intervals over rows.</summary>
internal static class RankerFigures
{
    public static IReadOnlyList<(string Name, double Value)> Of(RankerEvaluation e)
    {
        BootstrapInterval? accuracy = e.AccuracyInterval(), over = e.OverLengthInterval(), matched = e.LengthMatchedInterval();
        return
        [
            ("pairwise_accuracy", e.PairwiseAccuracy),
            ("pairwise_accuracy_low", accuracy?.Low ?? double.NaN),
            ("pairwise_accuracy_high", accuracy?.High ?? double.NaN),
            ("length_baseline_accuracy", e.LengthBaselineAccuracy),
            ("over_length", over?.Mean ?? double.NaN),
            ("over_length_low", over?.Low ?? double.NaN),
            ("over_length_high", over?.High ?? double.NaN),
            ("length_matched_accuracy", e.LengthMatchedAccuracy),
            ("length_matched_low", matched?.Low ?? double.NaN),
            ("length_matched_high", matched?.High ?? double.NaN),
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
    }
}
