using System.Text.Json.Nodes;
using Tuna.Chat;
using Tuna.Cli.Files;
using Tuna.Cli.Training;
using Tuna.Data;
using Tuna.Evaluation.Statistics;

namespace Tuna.Cli.Rounds;

/// <summary>What a round took and what it gave, read from its files.</summary>
internal sealed record RoundFigures
{
    public required int Round { get; init; }

    /// <summary>Rows with ranked responses.</summary>
    public int Rows { get; private init; }

    public int Responses { get; private init; }

    /// <summary>Tokens of the responses, where the sampler counted them.</summary>
    public long ResponseTokens { get; private init; }

    /// <summary>Mean score of the responses.</summary>
    public double? MeanScore { get; private init; }

    /// <summary>Mean over the rows of the best response's score.</summary>
    public double? BestScore { get; private init; }

    public int FailedRows { get; private init; }

    public int Steps { get; private init; }

    /// <summary>Tokens of the groups that were trained on, each prompt counted once.</summary>
    public long TrainedTokens { get; private init; }

    public double? LastLoss { get; private init; }

    /// <summary>Rows that the model was measured on, and whether no round trained on them.</summary>
    public (int Rows, bool HeldOut) Measured { get; private init; }

    public Outcome? Before { get; private init; }

    public Outcome? After { get; private init; }

    public CallUsage Spent { get; private init; } = CallUsage.None;

    public Comparison? Answers { get; private init; }

    public static RoundFigures Of(RoundsSettings s, int round, SharedBudget budget)
    {
        RoundFolder files = s.Files(round);
        if (round == 0)
            return new() { Round = 0 };
        IReadOnlyList<RankedExample> ranked = RoundData.Ranked(files.Ranked);
        double[][] scores = [.. ranked.Select(r => r.Scores.OfType<double>().ToArray()).Where(x => x.Length > 0)];
        JsonObject facts = Directory.Exists(files.Model) ? ModelRecord.Facts(files.Model) : [];
        int heldOut = facts["held_out_rows"]?.GetValue<int>() ?? 0;
        return new()
        {
            Round = round,
            Rows = ranked.Count,
            Responses = ranked.Sum(r => r.Outputs.Count),
            ResponseTokens = ranked.Sum(r => r.TokenCounts.Sum(n => (long)(n ?? 0))),
            MeanScore = scores.Length == 0 ? null : scores.SelectMany(x => x).Average(),
            BestScore = scores.Length == 0 ? null : scores.Average(x => x.Max()),
            FailedRows = Lines(FailureFile.PathFor(files.Samples)) + Lines(FailureFile.PathFor(files.Ranked)),
            Steps = facts["steps"]?.GetValue<int>() ?? 0,
            TrainedTokens = facts["tokens"]?.GetValue<long>() ?? 0,
            LastLoss = facts["last_loss"]?.GetValue<double>(),
            Before = Outcome.Of(facts["before"]),
            After = Outcome.Of(facts["after"]),
            Measured = (Outcome.Of(facts["after"])?.Rows ?? 0, heldOut > 0),
            Spent = budget.SpentIn(files),
            Answers = Comparison.Of(s, round),
        };
    }

    public JsonObject ToJson() => new()
    {
        ["round"] = Round,
        ["rows"] = Rows,
        ["responses"] = Responses,
        ["response_tokens"] = ResponseTokens,
        ["mean_score"] = MeanScore,
        ["best_score"] = BestScore,
        ["failed_rows"] = FailedRows,
        ["steps"] = Steps,
        ["trained_tokens"] = TrainedTokens,
        ["last_loss"] = LastLoss,
        ["measured_rows"] = Measured.Rows,
        ["measured_rows_held_out"] = Measured.HeldOut,
        ["before"] = Before?.ToJson(),
        ["after"] = After?.ToJson(),
        ["calls"] = Spent.Calls,
        ["input_tokens"] = Spent.InputTokens,
        ["output_tokens"] = Spent.OutputTokens,
        ["cost"] = Spent.Cost,
        ["answers"] = Answers?.ToJson(),
    };

    private static int Lines(string file) => File.Exists(file) ? File.ReadLines(file).Count() : 0;
}

/// <summary>The answers of a round beside those of round 0, as the judge finds them.</summary>
/// <param name="Rows">Rows that were compared, ties included.</param>
/// <param name="Wins">Of the round.</param>
/// <param name="Ties">Equal scores, or equal answers.</param>
/// <param name="FirstScore">Mean score of round 0's answers; null where the judge did not see all rows.</param>
/// <param name="Score">Mean score of the round's answers.</param>
/// <param name="WinRate">Wins and half the ties, as a share, with its 95 % interval over rows.</param>
internal sealed record Comparison(int Rows, int Wins, int Ties, double? FirstScore, double? Score, BootstrapInterval WinRate)
{
    public static Comparison? Of(RoundsSettings s, int round)
    {
        if (!File.Exists(s.Files(round).Answers) || !s.Compares)
            return null;
        var verdicts = RoundData.Ranked(s.Files(round).Verdicts).ToDictionary(Files.Rows.Key, StringComparer.Ordinal);
        string name = s.Files(round).Name;
        var outcomes = new List<double>();
        double first = 0, later = 0;
        int scored = 0;
        foreach ((InstructionExample a, InstructionExample b) in RoundData.AnswerPairs(s, round))
        {
            if (verdicts.TryGetValue(Files.Rows.Key(a), out RankedExample? verdict)
                && Score(verdict, own: false) is { } was && Score(verdict, own: true) is { } now)
            {
                outcomes.Add(now > was ? 1 : now < was ? 0 : 0.5);
                (first, later, scored) = (first + was, later + now, scored + 1);
            }
            else if (a.Output == b.Output)
            {
                outcomes.Add(0.5);
            }
        }

        double? Score(RankedExample verdict, bool own)
        {
            for (int k = 0; k < verdict.Models.Count && k < verdict.Scores.Count; k++)
            {
                if (verdict.Models[k] == name == own)
                    return verdict.Scores[k];
            }

            return null;
        }

        if (outcomes.Count == 0)
            return null;
        bool all = scored == outcomes.Count;
        return new(outcomes.Count, outcomes.Count(x => x == 1), outcomes.Count(x => x == 0.5), all ? first / scored : null,
            all ? later / scored : null, Bootstrap.MeanInterval([.. outcomes]));
    }

    public JsonObject ToJson() => new()
    {
        ["rows"] = Rows,
        ["wins"] = Wins,
        ["ties"] = Ties,
        ["losses"] = Rows - Wins - Ties,
        ["win_rate"] = WinRate.Mean,
        ["win_rate_low"] = WinRate.Low,
        ["win_rate_high"] = WinRate.High,
        ["mean_score"] = Score,
        ["mean_score_of_round_0"] = FirstScore,
    };
}
