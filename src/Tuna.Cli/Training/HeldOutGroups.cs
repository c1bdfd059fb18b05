using Tuna.Cli.Terminal;
using Tuna.Data.Groups;
using Tuna.Policies;

namespace Tuna.Cli.Training;

/// <summary>Held-out rows as groups.</summary>
internal static class HeldOutGroups
{
    /// <summary>Tokenizes them and says what could not be measured on.</summary>
    public static IReadOnlyList<TokenGroup> Of(Func<TokenizationReport, IEnumerable<TokenGroup>> tokenize, StageUi ui)
    {
        var report = new TokenizationReport();
        TokenGroup[] groups = [.. tokenize(report)];
        if (report.Issues.Count > 0)
            ui.Warn($"Of the held-out rows: {report}. For example: {report.Issues[0].Message}");
        return groups;
    }
}
