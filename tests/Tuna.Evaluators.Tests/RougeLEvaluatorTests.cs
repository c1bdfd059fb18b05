using Microsoft.Extensions.AI.Evaluation;
using Tuna.Text;

namespace Tuna.Evaluators.Tests;

public sealed class RougeLEvaluatorTests
{
    [Fact]
    public async Task EvaluateAsync_WithSeveralReferences_TakesTheBest()
    {
        EvaluationResult result = await new RougeLEvaluator().EvaluateAsync("the cat sat",
            additionalContext: [new ReferenceContext("a dog", "the cat was sitting here", "the cat sat down")]);
        NumericMetric metric = result.Get<NumericMetric>(RougeLEvaluator.MetricName);
        Assert.Equal(RougeL.Stemmed.Score("the cat sat down", "the cat sat").F, metric.Value!.Value, 1e-15);
        Assert.Contains("reference 3 of 3", metric.Reason, StringComparison.Ordinal);
        Assert.Contains(ReferenceContext.ContextName, metric.Context!.Keys);
        Assert.Null(metric.Interpretation);
    }

    [Theory]
    [InlineData(0.8, false)]
    [InlineData(0.9, true)]
    public async Task EvaluateAsync_WithBound_SaysWhetherItFails(double bound, bool fails)
    {
        // Precision 1, recall 3/4: F = 6/7.
        EvaluationResult result = await new RougeLEvaluator(RougeL.Plain, bound)
            .EvaluateAsync("the cat sat", additionalContext: [new ReferenceContext("the cat sat down")]);
        NumericMetric metric = result.Get<NumericMetric>(RougeLEvaluator.MetricName);
        Assert.Equal(6.0 / 7, metric.Value!.Value, 1e-12);
        Assert.Equal(fails, metric.Interpretation!.Failed);
    }

    [Fact]
    public async Task EvaluateAsync_WithoutReference_HasNoValueAndSaysWhatToGive()
    {
        EvaluationResult result = await new RougeLEvaluator().EvaluateAsync("text");
        Assert.Null(result.Get<NumericMetric>(RougeLEvaluator.MetricName).Value);
        Assert.True(result.ContainsDiagnostics(d => d.Severity == EvaluationDiagnosticSeverity.Error
            && d.Message.Contains(nameof(ReferenceContext), StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.1)]
    [InlineData(double.NaN)]
    public void Constructor_WithBoundOutsideUnitInterval_Throws(double bound) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new RougeLEvaluator(atLeast: bound));

    [Fact]
    public void ReferenceContext_WithoutReference_Throws() => Assert.Throws<ArgumentException>(() => new ReferenceContext());
}
