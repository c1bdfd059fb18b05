namespace Quickstart;

/// <summary>The stages' figures: of one seed, or mean and standard deviation over several.</summary>
internal static class SummaryTable
{
    public static IReadOnlyList<string> Header { get; } =
        ["stage", .. StageScores.Columns.Select(c => c.Unit == "%" ? c.Title + " %" : c.Title)];

    public static IReadOnlyList<string> HeaderWithUnits { get; } = ["stage", .. StageScores.Columns.Select(c => $"{c.Title} ({c.Unit})")];

    public static IEnumerable<string[]> Rows(IReadOnlyList<RecipeResult> results) => results[0].Stages.Select((stage, i) =>
        (string[])[stage.Stage, .. StageScores.Columns.Select(column =>
            Cell([.. results.Select(r => column.Value(r.Stages[i]))], column.Format))]);

    private static string Cell(double[] values, string format)
    {
        double mean = values.Average();
        if (double.IsNaN(mean))
            return "–";
        double deviation = values.Length < 2 ? 0 : Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1));
        return values.Length < 2 || values.Max() == values.Min()
            ? Ui.Number(mean, format) : $"{Ui.Number(mean, format)} ± {Ui.Number(deviation, format)}";
    }
}
