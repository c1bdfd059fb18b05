using Quickstart.Exercises;
using Tuna.Evaluation.Statistics;

namespace Quickstart;

/// <summary>How much more accurate the ranked stages are than SFT and than likelihood alone, on the same exercises, with
/// intervals.</summary>
internal static class GainTable
{
    private static readonly string[] Ranked = ["Tuna_p", "Tuna_c", "Tuna"], Baselines = ["SFT", "MLE", "MLE, best of N"];

    public static IReadOnlyList<string> Header { get; } = ["stage", .. Baselines.Select(b => "beyond " + b)];

    public static IEnumerable<string[]> Rows(IReadOnlyList<RecipeResult> results, IReadOnlyList<Exercise> exercises) =>
        Ranked.Select(stage =>
        (string[])[stage, .. Baselines.Select(baseline =>
            Cell(Bootstrap.Paired(Correct(results, exercises, stage), Correct(results, exercises, baseline))))]);

    private static string Cell(PairedComparison gain) =>
        $"{Points(gain.Difference)} [{Points(gain.Interval.Low)}, {Points(gain.Interval.High)}]";

    private static string Points(double share) => Ui.Number(100 * share, "+0.0;-0.0;0.0");

    // For each exercise, the share of seeds whose response is correct.
    private static double[] Correct(IReadOnlyList<RecipeResult> results, IReadOnlyList<Exercise> exercises, string stage) =>
        [.. exercises.Select((e, i) =>
            results.Average(r => e.IsCorrect(r.Responses.Single(x => x.Stage == stage).Responses[i]) ? 1.0 : 0))];
}
