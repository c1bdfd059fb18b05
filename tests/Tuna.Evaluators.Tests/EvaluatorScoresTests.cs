using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Tuna.Evaluation.Reports;

namespace Tuna.Evaluators.Tests;

public sealed class EvaluatorScoresTests
{
    private static readonly ReferenceContext s_reference = new("Tuna is a fish.");

    /// <summary>Ours and somebody else's in one run, as a test suite joins them, and into a report of ours.</summary>
    [Fact]
    public async Task OfAsync_WithCompositeOfOursAndTheirs_MakesAReport()
    {
        using var judge = new FakeJudge(messages =>
        {
            string text = messages[^1].Text;
            return text.IndexOf("A tuna is a fish.", StringComparison.Ordinal) < text.IndexOf("Assistant B", StringComparison.Ordinal)
                ? "[[A]]" : "[[B]]";
        });
        var evaluator = new CompositeEvaluator(new RougeLEvaluator(atLeast: 0.5), new VicunaEvaluator(),
            new OwnEvaluator(text => new BooleanMetric("Own", text.Contains("fish", StringComparison.Ordinal))));
        var chat = new ChatConfiguration(judge);
        EvaluatorScores before = await EvaluatorScores.OfAsync("before", evaluator,
            [Case("1", "A stone.", "A tuna is a fish."), Case("2", "Fish is a tuna.", "A tuna is a fish.")], chat);
        EvaluatorScores after = await EvaluatorScores.OfAsync("after", evaluator,
            [Case("1", "A tuna is a fish.", "A stone."), Case("2", "Tuna is a fish.", "no")], chat);

        Assert.Equal(["Own", "ROUGE-L", "Vicuna win"], after.Metrics.Order(StringComparer.Ordinal));
        Assert.Equal(1, after.Mean("Own"));
        Assert.Equal(0, before.Mean("Own"));
        Assert.Empty(after.Failed);
        Assert.Equal(["1", "2"], before.Failed);
        Assert.Empty(before.Issues);
        ComparisonTable table = EvaluatorScores.Table("Answers", [before, after], baseline: "before");
        Assert.Contains("+1.000", table.ToText(), StringComparison.Ordinal);
        Assert.Contains("ROUGE-L", new ComparisonReport([table], "before").ToHtml(), StringComparison.Ordinal);
        Assert.Equal(after.Mean("ROUGE-L"), after.Interval("ROUGE-L").Mean);
    }

    [Fact]
    public async Task OfAsync_WithCaseThatCannotBeMeasured_NamesItAndLeavesItOutOfTheMean()
    {
        EvaluatorScores scores = await EvaluatorScores.OfAsync("m", new RougeLEvaluator(),
            [EvaluatorCase.Of("1", "q", "Tuna is a fish.", s_reference), EvaluatorCase.Of("2", "q", "Tuna.")]);
        Assert.Equal([1.0, null], scores.Values("ROUGE-L"));
        Assert.Equal(1, scores.Mean("ROUGE-L"));
        Assert.Contains("'2'", Assert.Single(scores.Issues), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OfAsync_WithTwoCasesOfOneIdOrNone_Throws()
    {
        var rouge = new RougeLEvaluator();
        await Assert.ThrowsAsync<ArgumentException>(() => EvaluatorScores.OfAsync("m", rouge, []));
        EvaluatorCase item = EvaluatorCase.Of("1", "q", "a");
        await Assert.ThrowsAsync<ArgumentException>(() => EvaluatorScores.OfAsync("m", rouge, [item, item]));
    }

    [Fact]
    public async Task OfAsync_InParallel_GivesTheSameNumbers()
    {
        EvaluatorCase[] cases = [.. Enumerable.Range(0, 40)
            .Select(i => EvaluatorCase.Of($"{i}", "q", string.Join(' ', Enumerable.Repeat("fish", i)), s_reference))];
        EvaluatorScores one = await EvaluatorScores.OfAsync("m", new RougeLEvaluator(), cases, parallel: 1);
        EvaluatorScores many = await EvaluatorScores.OfAsync("m", new RougeLEvaluator(), cases, parallel: 8);
        Assert.Equal(one.Values("ROUGE-L"), many.Values("ROUGE-L"));
    }

    private static EvaluatorCase Case(string id, string answer, string baseline) =>
        EvaluatorCase.Of(id, "Name a fish.", answer, s_reference, new BaselineContext(baseline));
}
