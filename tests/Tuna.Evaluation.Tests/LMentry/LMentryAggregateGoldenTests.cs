using System.Text.Json;
using Tuna.Evaluation.LMentry;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.LMentry;

/// <summary>From per-example scores to the LMentry score: every count, share and table cell of the official analysis. Numbers are compared
/// exactly.</summary>
public class LMentryAggregateGoldenTests
{
    private static readonly JsonElement s_golden = GoldenData.Json("lmentry_aggregate.json");

    public static TheoryData<string> Models => [.. s_golden.GetProperty("models").EnumerateObject().Select(model => model.Name)];

    [Theory]
    [MemberData(nameof(Models))]
    public void Tasks_OfficialCounts_AreEqual(string model)
    {
        LMentryReport report = ReportOf(model);
        foreach (JsonProperty task in s_golden.GetProperty("models").GetProperty(model).GetProperty("per_task").EnumerateObject())
        {
            LMentryTaskResult result = report.Tasks[task.Name];
            AssertCounts(task.Value.GetProperty("task"), result.Overall, task.Name);
            for (int t = 0; t < result.Templates.Count; t++)
                AssertCounts(task.Value.GetProperty($"template{t}"), result.Templates[t], $"{task.Name} {t}");
        }

        foreach (JsonProperty task in s_golden.GetProperty("models").GetProperty(model).GetProperty("answer_order").EnumerateObject())
        {
            LMentryTaskResult result = report.Tasks[task.Name];
            AssertOrder(task.Value.GetProperty("task"), result.AnswerOrder!);
            for (int t = 0; t < result.Templates.Count; t++)
                AssertOrder(task.Value.GetProperty($"template{t}"), result.TemplateAnswerOrders[t]!);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Robustness_OfficialNumbers_AreEqual(string model)
    {
        JsonElement golden = s_golden.GetProperty("models").GetProperty(model);
        LMentryReport report = ReportOf(model);
        LMentryRobustness robustness = report.Robustness!;
        AssertAll(golden, "argument_order_robustness_per_task", robustness.ArgumentOrderByTask);
        AssertAll(golden, "argument_content_robustness_per_group", robustness.ArgumentContentByGroup);
        AssertAll(golden, "template_robustness_per_task", robustness.TemplateByTask);
        AssertAll(golden, "adjacent_robustness_per_pair",
            robustness.AdjacentByPair.Select(pair => ($"{pair.First} / {pair.Second}", pair.Robustness)));
        AssertAll(golden, "adjacent_robustness_per_kind", robustness.AdjacentByKind);
        JsonElement parts = golden.GetProperty("robustness_components");
        Assert.Equal(parts.GetProperty("argument_order").GetDouble(), robustness.ArgumentOrder);
        Assert.Equal(parts.GetProperty("argument_content").GetDouble(), robustness.ArgumentContent);
        Assert.Equal(parts.GetProperty("template").GetDouble(), robustness.Template);
        Assert.Equal(parts.GetProperty("adjacent_tasks").GetDouble(), robustness.AdjacentTasks);
        Assert.Equal(golden.GetProperty("accuracy").GetDouble(), report.Accuracy);
        Assert.Equal(golden.GetProperty("robustness").GetDouble(), robustness.Overall);
        Assert.Equal(golden.GetProperty("lmentry_score").GetDouble(), report.Score);
    }

    [Fact]
    public void Tables_OfficialCsv_AreEqualCellByCell()
    {
        List<LMentryReport> models = [.. s_golden.GetProperty("models").EnumerateObject().Select(model => ReportOf(model.Name))];
        var tables = new Dictionary<string, IReadOnlyList<string[]>>
        {
            ["accuracy_per_task"] = LMentryTables.AccuracyPerTask(models),
            ["accuracy_per_template"] = LMentryTables.AccuracyPerTemplate(models),
            ["argument_order_robustness"] = LMentryTables.ArgumentOrder(models),
            ["lmentry_scores"] = LMentryTables.Scores(models),
            ["robustness"] = LMentryTables.Robustness(models),
            ["robustness_with_adjacent_tasks_breakdown"] = LMentryTables.Robustness(models, adjacentKinds: true),
            ["template_robustness"] = LMentryTables.TemplateRobustness(models),
        };
        foreach (JsonProperty table in s_golden.GetProperty("tables").EnumerateObject())
        {
            string[][] expected = [.. table.Value.EnumerateArray()
                .Select(row => row.EnumerateArray().Select(cell => cell.GetString()!).ToArray())];
            Assert.Equal(expected, tables[table.Name]);
        }
    }

    [Fact]
    public void Tasks_OfficialGroups_AreEqual()
    {
        Assert.Equal(Strings(s_golden.GetProperty("core_tasks")), LMentryTasks.Core);
        Assert.Equal(Strings(s_golden.GetProperty("answer_order_tasks")), LMentryTasks.AnswerOrder);
        Assert.Equal(s_golden.GetProperty("tasks").EnumerateObject().Select(task => task.Name), LMentryTasks.All);
        foreach ((string task, IReadOnlyList<string> subsets) in LMentryTasks.ArgumentContentGroups)
            Assert.Equal(subsets.Count, s_golden.GetProperty("argument_content_groups").GetProperty(task).GetArrayLength());
    }

    private static LMentryReport ReportOf(string model) =>
        new(model, s_golden.GetProperty("tasks").EnumerateObject().Select(task => ResultOf(task.Name, task.Value, model)));

    private static LMentryTaskResult ResultOf(string name, JsonElement task, string model)
    {
        JsonElement scores = task.GetProperty("scores").GetProperty(model);
        string[] score = Strings(scores.GetProperty("score")), certainty = Strings(scores.GetProperty("certainty"));
        string[]? indices = task.TryGetProperty("answer_index", out JsonElement index) ? Strings(index) : null;
        List<LMentryOutcome> outcomes =
        [
            .. score.SelectMany((row, t) => row.Select((c, i) => new LMentryOutcome(
                t,
                c == '-' ? null : new LMentryVerdict(c == '1', certainty[t][i] == '1'),
                indices?[t][i] - '0'))),
        ];
        return LMentryTaskResult.Of(name, task.GetProperty("num_examples_per_template").GetInt32(), score.Length, outcomes);
    }

    private static void AssertCounts(JsonElement expected, LMentryCounts actual, string what)
    {
        var got = new Dictionary<string, double>
        {
            ["n_1s"] = actual.Correct,
            ["n_0s"] = actual.Incorrect,
            ["n_certain"] = actual.Certain,
            ["n_certain_1s"] = actual.CertainCorrect,
            ["n_certain_0s"] = actual.CertainIncorrect,
            ["accuracy"] = actual.Accuracy,
            ["certainty"] = actual.Certainty,
            ["certainty_of_1s"] = actual.CertaintyOfCorrect,
            ["certainty_of_0s"] = actual.CertaintyOfIncorrect,
        };
        foreach (JsonProperty value in expected.EnumerateObject())
            Assert.True(value.Value.GetDouble() == got[value.Name], $"{what}, {value.Name}: expected {value.Value}, got {got[value.Name]}");
    }

    private static void AssertOrder(JsonElement expected, LMentryAnswerOrder actual)
    {
        Assert.Equal(expected.GetProperty("n_answer_index_0").GetInt32(), actual.Total.First);
        Assert.Equal(expected.GetProperty("n_answer_index_1").GetInt32(), actual.Total.Second);
        Assert.Equal(expected.GetProperty("n_correct_answer_index_0").GetInt32(), actual.Correct.First);
        Assert.Equal(expected.GetProperty("n_correct_answer_index_1").GetInt32(), actual.Correct.Second);
        Assert.Equal(expected.GetProperty("accuracy_answer_index_0").GetDouble(), actual.AccuracyWhenFirst);
        Assert.Equal(expected.GetProperty("accuracy_answer_index_1").GetDouble(), actual.AccuracyWhenSecond);
    }

    private static void AssertAll(JsonElement golden, string name, IEnumerable<(string Name, double Value)> actual) =>
        Assert.Equal(golden.GetProperty(name).EnumerateObject().Select(entry => (entry.Name, entry.Value.GetDouble())).Order(),
            actual.Order());

    private static string[] Strings(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetString()!)];
}
