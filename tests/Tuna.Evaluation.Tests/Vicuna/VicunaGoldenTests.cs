using System.Text.Json;
using Tuna.Evaluation.Vicuna;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.Vicuna;

/// <summary>Prompts, parsers and tables of FastChat, 2023 form and current form. All numbers are compared exactly.</summary>
public class VicunaGoldenTests
{
    private static readonly JsonElement s_golden = GoldenData.Json("vicuna.json");

    [Fact]
    public void Calls_ScoreProtocol_ArePromptsOf2023()
    {
        foreach (JsonElement p in Rows("table_2023", "prompts"))
        {
            VicunaCall call = Assert.Single(new ScoreProtocol().Calls(Match(p, "answer_1", "answer_2")));
            Assert.Equal([Text(p, "system_prompt"), Text(p, "prompt")], call.Messages.Select(message => message.Text));
        }
    }

    [Fact]
    public void Parse_RepliesOf2023_AreOfficial()
    {
        foreach (JsonElement r in Rows("table_2023", "replies"))
        {
            JsonElement scores = r.GetProperty("scores");
            Assert.Equal(new ScorePair(Number(scores[0]), Number(scores[1])), ScorePair.Parse(Text(r, "reply")));
        }
    }

    [Fact]
    public void Judge_ScoreProtocol_CountsAreGolden()
    {
        foreach (JsonProperty model in s_golden.GetProperty("table_2023").GetProperty("derived_not_official").EnumerateObject())
        {
            List<VicunaJudgment> judgments =
            [
                .. Rows("table_2023", "matches").Where(m => Text(m, "model_1") == model.Name)
                    .Select(m => new ScoreProtocol().Judge(Match(m), [Text(m, "reply")])),
            ];
            VicunaScore score = VicunaScore.Of("overall", judgments, 10, 0);
            Assert.Equal(
                (model.Value.GetProperty("win").GetInt32(), model.Value.GetProperty("lose").GetInt32(),
                    model.Value.GetProperty("tie").GetInt32(), model.Value.GetProperty("invalid").GetInt32()),
                (score.Wins, score.Losses, score.Ties, score.Errors));
            Assert.Equal(model.Value.GetProperty("sum_1").GetDouble(),
                judgments.Where(j => j.Scores!.Value.Understood).Sum(j => j.Scores!.Value.First));
        }
    }

    [Fact]
    public void Calls_VerdictProtocol_ArePairPrompts()
    {
        foreach (JsonElement p in Rows("pairwise", "prompts"))
        {
            VicunaMatch match = Match(p, "answer_a", "answer_b") with { Reference = p.GetProperty("reference").GetString() };
            IReadOnlyList<VicunaCall> calls = new VerdictProtocol().Calls(match);
            Assert.Equal(Text(p, "judge"), calls[0].PromptVersion);
            Assert.Equal(p.GetProperty("messages").EnumerateArray().Select(m => (Text(m, "role"), Text(m, "content"))),
                calls[0].Messages.Select(m => (m.Role.Value, m.Text)));
            VicunaMatch swapped = match with { Answer1 = match.Answer2, Answer2 = match.Answer1 };
            Assert.Equal(new VerdictProtocol().Calls(swapped)[0].Messages.Select(m => m.Text), calls[1].Messages.Select(m => m.Text));
        }
    }

    [Fact]
    public void Verdict_Replies_AreOfficial()
    {
        foreach (JsonElement r in Rows("pairwise", "replies"))
        {
            Assert.Equal(Text(r, "winner"), Name(GameReplies.Verdict(Text(r, "reply"))));
            string rating = Text(r, "winner_rating_pair_format");
            Assert.Equal(rating.StartsWith("raises", StringComparison.Ordinal)
                ? "error" : rating, Name(GameReplies.RatingPair(Text(r, "reply"))));
        }

        static string Name(GameVerdict verdict) =>
            verdict is GameVerdict.A or GameVerdict.B ? verdict.ToString() : verdict.ToString().ToLowerInvariant();
    }

    [Fact]
    public void Judge_VerdictProtocol_MatchesAndTablesAreOfficial()
    {
        JsonElement pairwise = s_golden.GetProperty("pairwise");
        List<VicunaJudgment> judgments = [];
        Dictionary<(string, string, string), string> loaded = Rows("pairwise", "match_winner_by_loader")
            .ToDictionary(Key, m => Text(m, "winner"));
        foreach (JsonElement m in Rows("pairwise", "matches"))
        {
            VicunaJudgment judgment = new VerdictProtocol().Judge(Match(m), [Text(m, "g1_judgment"), Text(m, "g2_judgment")]);
            Assert.Equal([Text(m, "g1_winner"), Text(m, "g2_winner")], judgment.Games.Select(Name));
            bool sorted = string.CompareOrdinal(Text(m, "model_1"), Text(m, "model_2")) < 0; // the loader's keys are
            Assert.Equal(loaded[Key(m)], judgment.Games[0] == judgment.Games[1]
                ? sorted ? Name(judgment.Games[0]) : Reversed(Name(judgment.Games[0])) : "inconsistent");
            judgments.Add(judgment);
        }

        foreach (JsonProperty table in pairwise.GetProperty("tables").EnumerateObject())
        {
            string? baseline = table.Name.StartsWith("baseline_", StringComparison.Ordinal) ? table.Name["baseline_".Length..] : null;
            string[]? models = table.Name.StartsWith("all_pairs_of_", StringComparison.Ordinal)
                ? [.. table.Name["all_pairs_of_".Length..].Split('_').Select(name => "m-" + name)] : null;
            Assert.Equal(
                table.Value.EnumerateArray()
                    .Select(row => (Text(row, "model"), row.GetProperty("win").GetInt32(), row.GetProperty("loss").GetInt32(),
                        row.GetProperty("tie").GetInt32(), row.GetProperty("win_rate").GetDouble(),
                        row.GetProperty("loss_rate").GetDouble(), row.GetProperty("win_rate_adjusted").GetDouble())).Order(),
                VicunaTable.Of(judgments, baseline, models)
                    .Select(s => (s.Model, s.Wins, s.Losses, s.Ties, s.WinRate, s.LossRate, s.AdjustedWinRate)).Order());
        }

        static (string, string, string) Key(JsonElement m)
        {
            string[] models = [Text(m, "model_1"), Text(m, "model_2")];
            Array.Sort(models, StringComparer.Ordinal);
            return (m.GetProperty("question_id").ToString(), models[0], models[1]);
        }

        static string Reversed(string name) => name switch { "model_1" => "model_2", "model_2" => "model_1", _ => name };
        static string Name(MatchOutcome outcome) =>
            outcome switch { MatchOutcome.Win => "model_1", MatchOutcome.Loss => "model_2", MatchOutcome.Tie => "tie", _ => "error" };
    }

    [Fact]
    public void Rating_SingleReplies_AreOfficial()
    {
        foreach (JsonElement r in Rows("single", "replies"))
        {
            JsonElement rating = r.GetProperty("rating");
            // a reply that makes the official code fail has none
            double? expected = rating.ValueKind == JsonValueKind.Number && rating.GetDouble() != -1 ? rating.GetDouble() : null;
            Assert.Equal(expected, GameReplies.Rating(Text(r, "reply")));
        }
    }

    [Fact]
    public void Categories_Prompts_AreOfficial()
    {
        foreach (JsonProperty category in s_golden.GetProperty("categories").EnumerateObject())
        {
            var match = new VicunaMatch(new VicunaQuestion("1", category.Name, "q"), "a", "x", "b", "y", "r");
            Assert.Equal(category.Value.GetProperty("pairwise_judge").GetString(), new VerdictProtocol().Calls(match)[0].PromptVersion);
            string version = category.Value.GetProperty("table_2023_prompt_id")
                .GetInt32() switch { 2 => "coding", 3 => "math", _ => "general" };
            Assert.Equal("vicuna-2023-" + version, new ScoreProtocol().Calls(match)[0].PromptVersion);
        }
    }

    private static JsonElement[] Rows(string form, string list) => [.. s_golden.GetProperty(form).GetProperty(list).EnumerateArray()];

    private static VicunaMatch Match(JsonElement p, string first, string second) =>
        new(new VicunaQuestion(p.GetProperty("question_id").ToString(), Text(p, "category"), Text(p, "question")), "one", Text(p, first),
            "two", Text(p, second));

    private static VicunaMatch Match(JsonElement m) =>
        new(new VicunaQuestion(m.GetProperty("question_id").ToString(), "generic", "q"), Text(m, "model_1"), "x", Text(m, "model_2"), "y");

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private static double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.Number ? value.GetDouble() : value.GetString() switch
    {
        "NaN" => double.NaN,
        "Infinity" => double.PositiveInfinity,
        "-Infinity" => double.NegativeInfinity,
        var other => throw new InvalidOperationException(other),
    };
}
