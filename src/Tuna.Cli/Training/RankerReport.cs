using System.Globalization;
using System.Text.Json.Nodes;
using Tuna.Data;
using Tuna.Evaluation.Measures;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Training;

/// <summary>Measures a reward model on rows that it was not trained on.</summary>
internal static class RankerReport
{
    private const string Signed = "+0.0 %;-0.0 %";

    public static RankerEvaluation Measure(IResponseScorer model, GroupTokenizer groups, IReadOnlyList<RankedExample> rows, StageUi ui,
        CancellationToken cancellationToken) =>
        ui.Measure("measuring", "rows", rows.Count, 0, meter =>
        {
            var evaluation = new RankerEvaluation();
            foreach (RankedExample row in rows)
            {
                int[] prompt = groups.EncodePrompt(row.Instruction, row.Input);
                int room = groups.Options.MaxLength - prompt.Length;
                var kept = new List<(string Text, double Judge, ReadOnlyMemory<int> Tokens)>();
                foreach (int k in row.Order())
                {
                    int[] tokens = groups.EncodeResponse(row.Outputs[k]);
                    if (tokens.Length <= room)
                        kept.Add((row.Outputs[k], row.Scores[k]!.Value, tokens));
                    else if (room > 0 && groups.Options.Overlong == OverlongResponse.Truncate)
                        kept.Add((row.Outputs[k], row.Scores[k]!.Value, tokens.AsMemory(0, room)));
                }

                if (kept.Count >= 2)
                {
                    double[] judge = [.. kept.Select(c => c.Judge)];
                    var rewards = new double[kept.Count];
                    model.Score([new TokenGroup(row.Id, prompt, [.. kept.Select(c => c.Tokens)], judge)], rewards, cancellationToken);
                    evaluation.Add([.. kept.Select(c => c.Text)], judge, rewards);
                }

                meter.Add(1);
            }

            return evaluation;
        });

    public static JsonObject Facts(RankerEvaluation evaluation)
    {
        var facts = new JsonObject(RankerFigures.Of(evaluation).Select(f => KeyValuePair.Create(
            f.Name switch { "rows" => "held_out_rows", "pairs" => "held_out_pairs", _ => f.Name },
            (JsonNode?)(double.IsFinite(f.Value) ? Math.Round(f.Value, 6) : null))));
        facts["intervals"] = RankerFigures.Intervals(evaluation);
        return facts;
    }

    public static string Text(JsonObject facts)
    {
        if (facts["held_out_rows"] is not { } rows || rows.GetValue<double>() == 0)
            return "No row was held out: nothing to measure on.";
        double? over = Value("pairwise_accuracy") - Value("length_baseline_accuracy");
        return string.Join(Environment.NewLine,
            $"on {rows} held-out rows ({facts["held_out_pairs"]} pairs), with 95 % intervals over rows:",
            $"  pairwise accuracy  {Percent("pairwise_accuracy")}{Interval("pairwise_accuracy", "P1")}   length alone "
                + $"{Percent("length_baseline_accuracy")}; difference {Shown(over, Signed)}{Interval("over_length", Signed)}",
            $"  of like length     {Percent("length_matched_accuracy")}{Interval("length_matched_accuracy", "P1")}   length alone "
                + $"{Percent("length_matched_baseline")}; on {facts["length_matched_pairs"]} pairs whose lengths differ by at most "
                + $"{Shown(RankerEvaluation.MatchedWithin, "P0")}",
            $"  Spearman           {Plain("spearman")}   length alone {Plain("length_baseline_spearman")}",
            $"  prefers the longer {Percent("prefers_longer")}   the judge    {Percent("judge_prefers_longer")}   (correlation with "
                + $"length {Plain("length_bias")}, the judge's {Plain("judge_length_bias")})");

        double? Value(string name) => facts[name]?.GetValue<double>();
        string Percent(string name) => Shown(Value(name), "P1");
        string Plain(string name) => Shown(Value(name), "0.000");
        string Interval(string name, string format) => facts["intervals"]?[name] is { } i
            ? $" [{Shown(i["low"]!.GetValue<double>(), format)}, {Shown(i["high"]!.GetValue<double>(), format)}]" : "";
        static string Shown(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";
    }
}
