using System.Runtime.CompilerServices;

namespace Tuna.Losses;

/// <summary>Range checks of the losses' settings.</summary>
internal static class Setting
{
    /// <summary>Finite and at least 0.</summary>
    public static double NonNegative(double value, [CallerArgumentExpression(nameof(value))] string? name = null) =>
        double.IsFinite(value) && value >= 0
            ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be finite and at least 0.");

    /// <summary>Finite and above 0.</summary>
    public static double Positive(double value, [CallerArgumentExpression(nameof(value))] string? name = null) =>
        double.IsFinite(value) && value > 0
            ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be finite and above 0.");

    /// <summary>From 0 to 1.</summary>
    public static double Share(double value, [CallerArgumentExpression(nameof(value))] string? name = null) =>
        value is >= 0 and <= 1 ? value : throw new ArgumentOutOfRangeException(name, value, $"{name} must be from 0 to 1.");

    /// <summary>A named value of its enum.</summary>
    public static T Defined<T>(T value, [CallerArgumentExpression(nameof(value))] string? name = null)
        where T : struct, Enum =>
        Enum.IsDefined(value) ? value : throw new ArgumentOutOfRangeException(name, value, $"{value} is not a {typeof(T).Name}.");
}
