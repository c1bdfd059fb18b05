using Tuna.Evaluation.Statistics;

namespace Tuna.Evaluation.Vicuna;

/// <summary>A model's matches, counted.</summary>
/// <param name="Model">The model.</param>
/// <param name="Wins">Won matches.</param>
/// <param name="Losses">Lost matches.</param>
/// <param name="Ties">Ties; two orders that disagree are one.</param>
public sealed record VicunaStanding(string Model, int Wins, int Losses, int Ties)
{
    /// <summary>Counted matches.</summary>
    public int Matches => Wins + Losses + Ties;

    /// <summary>Share won, [0, 1].</summary>
    public double WinRate => (double)Wins / Matches;

    /// <summary>Share lost, [0, 1].</summary>
    public double LossRate => (double)Losses / Matches;

    /// <summary>Share won with a tie as half a win, [0, 1].</summary>
    public double AdjustedWinRate => (Wins + (0.5 * Ties)) / Matches;
}

/// <summary>Win tables as the official show_result.py makes them: matches with an error are left out.</summary>
public static class VicunaTable
{
    /// <summary>Counts the matches of every model, best adjusted win rate first.</summary>
    /// <param name="judgments">The matches.</param>
    /// <param name="baseline">Counts only matches with this model and leaves its own row out; null counts all.</param>
    /// <param name="models">Counts only matches whose first model is among these; null counts all.</param>
    public static IReadOnlyList<VicunaStanding> Of(IEnumerable<VicunaJudgment> judgments, string? baseline = null,
        IReadOnlyCollection<string>? models = null)
    {
        ArgumentNullException.ThrowIfNull(judgments);
        var standings = new Dictionary<string, VicunaStanding>(StringComparer.Ordinal);
        foreach (VicunaJudgment match in judgments)
        {
            if (match.Outcome == MatchOutcome.Error || (models is not null && !models.Contains(match.Model1))
                || (baseline is not null && match.Model1 != baseline && match.Model2 != baseline))
                continue;
            Count(match.Model1, match.Outcome);
            Count(match.Model2, match.Outcome switch { MatchOutcome.Win => MatchOutcome.Loss, MatchOutcome.Loss => MatchOutcome.Win,
                _ => MatchOutcome.Tie });
        }

        return [.. standings.Values.Where(standing => standing.Model != baseline).OrderByDescending(standing => standing.AdjustedWinRate)
            .ThenBy(standing => standing.Model, StringComparer.Ordinal)];

        void Count(string model, MatchOutcome outcome)
        {
            VicunaStanding s = standings.GetValueOrDefault(model) ?? new VicunaStanding(model, 0, 0, 0);
            standings[model] = s with
            {
                Wins = s.Wins + (outcome == MatchOutcome.Win ? 1 : 0),
                Losses = s.Losses + (outcome == MatchOutcome.Loss ? 1 : 0),
                Ties = s.Ties + (outcome == MatchOutcome.Tie ? 1 : 0),
            };
        }
    }
}

/// <summary>One model against another over some of the questions.</summary>
/// <param name="Name">The category; "overall" for all.</param>
/// <param name="Wins">Matches the model won.</param>
/// <param name="Losses">Matches it lost.</param>
/// <param name="Ties">Ties.</param>
/// <param name="Errors">Matches without a readable verdict; the rates leave them out.</param>
/// <param name="Interval">Bootstrap interval of the adjusted win rate over questions; null when nothing was counted.</param>
public sealed record VicunaScore(string Name, int Wins, int Losses, int Ties, int Errors, BootstrapInterval? Interval)
{
    /// <summary>Share won with a tie as half a win, [0, 1]; NaN when nothing was counted.</summary>
    public double AdjustedWinRate => (Wins + (0.5 * Ties)) / (Wins + Losses + Ties);

    internal static VicunaScore Of(string name, IReadOnlyCollection<VicunaJudgment> judgments, int samples, ulong seed)
    {
        double[] points = [.. judgments.Where(j => j.Outcome != MatchOutcome.Error)
            .Select(j => j.Outcome switch { MatchOutcome.Win => 1, MatchOutcome.Tie => 0.5, _ => 0.0 })];
        return new VicunaScore(
            name,
            points.Count(p => p == 1),
            points.Count(p => p == 0),
            points.Count(p => p == 0.5),
            judgments.Count - points.Length,
            points.Length == 0 ? null : Bootstrap.MeanInterval(points, samples, seed));
    }
}
