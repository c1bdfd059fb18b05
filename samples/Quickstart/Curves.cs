using Tuna.Evaluation.Charts;
using Tuna.Training;

namespace Quickstart;

/// <summary>Draws what training showed, step by step, smoothed: single steps of a few groups are noisy.</summary>
internal static class Curves
{
    private const int Window = 9;

    public static string Draw(string title, string unit, IEnumerable<(string Name, IReadOnlyList<TrainingStep> History)> runs,
        Func<TrainingStep, double> value) =>
        SvgChart.Line(new ChartLayout { Title = title, XTitle = $"step (mean of {Window})", YTitle = unit }, [.. runs.Select(run =>
        {
            double[] y = [.. run.History.Select(value)];
            return new ChartSeries(run.Name, [.. run.History.Select(s => (double)s.Step)], [.. y.Select((_, i) => Mean(y, i))]);
        })]);

    private static double Mean(double[] y, int i)
    {
        int first = Math.Max(0, i - (Window / 2)), end = Math.Min(y.Length, i + (Window / 2) + 1);
        return y[first..end].Where(double.IsFinite).DefaultIfEmpty(double.NaN).Average();
    }
}
