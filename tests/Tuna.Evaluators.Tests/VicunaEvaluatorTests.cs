using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;
using Tuna.Evaluation.Vicuna;

namespace Tuna.Evaluators.Tests;

public sealed class VicunaEvaluatorTests
{
    private static readonly ChatMessage s_question = new(ChatRole.User, "Name a fish.");

    // Prefers the answer of the model, wherever it stands.
    private static string Prefer(IReadOnlyList<ChatMessage> messages, string answer)
    {
        string text = messages[^1].Text;
        return text.IndexOf(answer, StringComparison.Ordinal) < text.IndexOf("Assistant B", StringComparison.Ordinal) ? "[[A]]" : "[[B]]";
    }

    [Theory]
    [InlineData("Tuna.", "win", 1.0, false)]
    [InlineData("A stone.", "loss", 0.0, true)]
    public async Task EvaluateAsync_WhereBothOrdersAgree_IsWonOrLost(string favourite, string verdict, double value, bool failed)
    {
        using var judge = new FakeJudge(messages => Prefer(messages, favourite));
        EvaluationResult result = await EvaluateAsync(judge, "Tuna.", new BaselineContext("A stone."));
        Assert.Equal(verdict, result.Get<StringMetric>(VicunaEvaluator.VerdictMetricName).Value);
        NumericMetric win = result.Get<NumericMetric>(VicunaEvaluator.WinMetricName);
        Assert.Equal(value, win.Value);
        Assert.Equal(failed, win.Interpretation!.Failed);
        Assert.Equal(2, judge.Calls);
        Assert.Equal("200", win.Metadata!["input tokens"]);
    }

    [Fact]
    public async Task EvaluateAsync_WhereTheOrdersDisagree_IsATie()
    {
        using var judge = new FakeJudge(_ => "[[A]]");
        EvaluationResult result = await EvaluateAsync(judge, "Tuna.", new BaselineContext("A stone."));
        Assert.Equal("tie", result.Get<StringMetric>(VicunaEvaluator.VerdictMetricName).Value);
        Assert.Equal(0.5, result.Get<NumericMetric>(VicunaEvaluator.WinMetricName).Value);
    }

    [Fact]
    public async Task EvaluateAsync_OfMath_ShowsTheReferenceAndNeedsIt()
    {
        string seen = "";
        using var judge = new FakeJudge(messages =>
        {
            seen = messages[^1].Text;
            return "[[A]]";
        });
        EvaluationResult without = await EvaluateAsync(judge, "4", new BaselineContext("5", "math"));
        Assert.True(without.ContainsDiagnostics(d => d.Message.Contains("reference answer", StringComparison.Ordinal)));
        Assert.Equal(0, judge.Calls);
        await EvaluateAsync(judge, "4", new BaselineContext("5", "math", reference: "It is four."));
        Assert.Contains("It is four.", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EvaluateAsync_WithUnreadableReply_HasNoValueAndAnError()
    {
        using var judge = new FakeJudge(_ => "I cannot say.");
        EvaluationResult result = await EvaluateAsync(judge, "Tuna.", new BaselineContext("A stone."));
        Assert.Null(result.Get<NumericMetric>(VicunaEvaluator.WinMetricName).Value);
        Assert.True(result.ContainsDiagnostics(d => d.Severity == EvaluationDiagnosticSeverity.Error));
    }

    [Fact]
    public async Task EvaluateAsync_WithFailingJudge_HasAnErrorThatSaysWhy()
    {
        using var judge = new FakeJudge(_ => throw new InvalidOperationException("out of order"));
        EvaluationResult result = await EvaluateAsync(judge, "Tuna.", new BaselineContext("A stone."));
        Assert.True(result.ContainsDiagnostics(d => d.Message.Contains("out of order", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task EvaluateAsync_WithoutBaselineOrWithTurns_SaysWhatIsMissing()
    {
        using var judge = new FakeJudge(_ => "[[A]]");
        var evaluator = new VicunaEvaluator();
        var chat = new ChatConfiguration(judge);
        EvaluationResult alone = await evaluator.EvaluateAsync(s_question, Answer("Tuna."), chat);
        Assert.True(alone.ContainsDiagnostics(d => d.Message.Contains(nameof(BaselineContext), StringComparison.Ordinal)));
        EvaluationResult turns = await evaluator.EvaluateAsync([s_question, new(ChatRole.Assistant, "Tuna."), s_question], Answer("Cod."),
            chat, [new BaselineContext("A stone.")]);
        Assert.True(turns.ContainsDiagnostics(d => d.Message.Contains("one question", StringComparison.Ordinal)));
        Assert.Equal(0, judge.Calls);
        await Assert.ThrowsAsync<ArgumentNullException>(async () => await evaluator.EvaluateAsync(s_question, Answer("Tuna.")));
    }

    [Fact]
    public async Task EvaluateAsync_Cancelled_Throws()
    {
        using var judge = new FakeJudge(_ => "[[A]]");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await new VicunaEvaluator().EvaluateAsync([s_question],
            Answer("Tuna."), new ChatConfiguration(judge), [new BaselineContext("A stone.")], new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task EvaluateAsync_ByScores_ComparesThem()
    {
        using var judge = new FakeJudge(_ => "9 4\nThe first is better.");
        EvaluationResult result = await new VicunaEvaluator(new ScoreProtocol()).EvaluateAsync([s_question], Answer("Tuna."),
            new ChatConfiguration(judge), [new BaselineContext("A stone.")]);
        Assert.Equal("win", result.Get<StringMetric>(VicunaEvaluator.VerdictMetricName).Value);
        Assert.Equal(1, judge.Calls);
    }

    private static ValueTask<EvaluationResult> EvaluateAsync(FakeJudge judge, string answer, BaselineContext baseline) =>
        new VicunaEvaluator().EvaluateAsync([s_question], Answer(answer), new ChatConfiguration(judge), [baseline]);

    private static ChatResponse Answer(string text) => new(new ChatMessage(ChatRole.Assistant, text));
}
