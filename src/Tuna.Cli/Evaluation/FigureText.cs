using System.Globalization;

namespace Tuna.Cli.Evaluation;

/// <summary>Figures as people read them.</summary>
internal static class FigureText
{
    public static string Of(double value) => !double.IsFinite(value) ? "-"
        : double.IsInteger(value) && Math.Abs(value) < 1e9 ? value.ToString("0", CultureInfo.InvariantCulture)
        : value.ToString(Math.Abs(value) >= 100 ? "0.0" : "0.####", CultureInfo.InvariantCulture);
}
