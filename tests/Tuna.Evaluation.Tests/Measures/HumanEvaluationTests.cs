using Tuna.Data;
using Tuna.Evaluation.Measures;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.Measures;

public sealed class HumanEvaluationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Of_FiveSystems_RankIGivesSixMinusI()
    {
        HumanEvaluation evaluation =
            HumanEvaluation.Of([.. Enumerable.Range(0, 20).Select(i => Ranking($"q{i}", "tuna", "gpt", "vicuna", "mul", "alpaca"))],
            samples: 500);
        Assert.Equal([("tuna", 5.0), ("gpt", 4), ("vicuna", 3), ("mul", 2), ("alpaca", 1)],
            evaluation.Systems.Select(s => (s.System, s.Points)));
        Assert.Equal(1, evaluation.Systems[0].FirstShare);
        Assert.Equal(10, evaluation.Comparisons.Count);
        Assert.Equal(1.0 / 501, evaluation.Comparisons[0].Comparison.PValue);
    }

    [Fact]
    public void Of_SeveralAnnotators_CountAsOneItem()
    {
        // One question with three annotators and one with one: points are means of the questions' means, (5/3 + 1)/2 and (4/3 + 2)/2.
        HumanEvaluation evaluation =
            HumanEvaluation.Of([Ranking("q1", "a", "b"), Ranking("q1", "a", "b"), Ranking("q1", "b", "a"), Ranking("q2", "b", "a")],
            samples: 100);
        Assert.Equal((2, 4), (evaluation.Items, evaluation.Rankings));
        Assert.Equal("b", evaluation.Systems[0].System);
        Assert.Equal(5 / 3.0, evaluation.Systems[0].Points, 1e-12);
        Assert.Equal(4 / 3.0, evaluation.Systems[1].Points, 1e-12);
        Assert.True(evaluation.Comparisons[0].Comparison.PValue > 0.3);
    }

    [Fact]
    public void Of_OtherSystems_AreNamedAndLeftOut()
    {
        HumanEvaluation evaluation = HumanEvaluation.Of([Ranking("q1", "a", "b"), Ranking("q2", "a", "c")], samples: 10);
        Assert.Equal(1, evaluation.Rankings);
        Assert.Contains("item 'q2'", Assert.Single(evaluation.Issues), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => HumanEvaluation.Of([]));
    }

    [Fact]
    public void Load_BadRows_AreNamedAndTheRestIsUsed()
    {
        string path = _folder.Write("h.jsonl", """
            {"id": 1, "item": "q1", "annotator": "x", "ranks": {"a": 1, "b": 2}}
            {"id": 2, "item": "q1", "ranks": {"a": 1, "b": 3}}
            {"id": 3, "item": "q1"}
            {"id": 4, "ranks": {"a": 1, "b": 1}}
            {"id": 5, "item": "q2", "ranks": {"a": 1, "b": 1}}
            """);
        var issues = new List<string>();
        IReadOnlyList<HumanRanking> rankings = HumanRanking.Load(path, issues);
        Assert.Equal(["q1", "q2"], rankings.Select(r => r.ItemId));
        Assert.Equal("x", rankings[0].Annotator);
        Assert.Equal(["line 2", "line 3", "line 4"], issues.Select(issue => issue.Split(',')[1].Trim()));
        Assert.Throws<DataFormatException>(() => HumanRanking.Load(path));
    }

    private static HumanRanking Ranking(string item, params string[] bestFirst) =>
        new(item, null, bestFirst.Select((name, i) => (name, i)).ToDictionary(r => r.name, r => r.i + 1));
}
