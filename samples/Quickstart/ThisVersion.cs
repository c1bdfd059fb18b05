using System.Reflection;
using Tuna.Training;

namespace Quickstart;

/// <summary>The version of Tuna that this program runs on.</summary>
internal static class ThisVersion
{
    /// <summary>Such as 0.1.0+924a5bd.</summary>
    public static string Text { get; } =
        Shortened(typeof(RankingTrainer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
        ?? "of unknown version");

    // The commit's first digits are enough to find it.
    private static string Shortened(string version) =>
        version.IndexOf('+', StringComparison.Ordinal) is > 0 and int plus ? version[..Math.Min(version.Length, plus + 8)] : version;
}
