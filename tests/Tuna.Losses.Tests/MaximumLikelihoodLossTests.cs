namespace Tuna.Losses.Tests;

public class MaximumLikelihoodLossTests
{
    internal static double OfReference(TestGroup g) => -g.Mean(g.Candidates);

    internal static double OfBest(TestGroup g) => -g.Mean(0);

    internal static double OfAll(TestGroup g) => -Enumerable.Range(0, g.LogProbs.Length).Average(g.Mean);

    [Theory]
    [InlineData(MaximumLikelihoodTarget.Reference, 3, new[] { 0, 0, -0.5 })]
    [InlineData(MaximumLikelihoodTarget.BestCandidate, 2, new[] { -0.25, 0, 0 })]
    [InlineData(MaximumLikelihoodTarget.AllResponses, 2, new[] { -1.0 / 12, -1.0 / 3, -1.0 / 6 })]
    public void Evaluate_Target_IsTheMeanOverItsRows(MaximumLikelihoodTarget target, double expected, double[] expectedGradient)
    {
        var batch = new TestBatch(new TestGroup([-8, -1, -6], [4, 1, 2], [1, 0], [], HasReference: true));

        (double value, double[] gradient) = batch.Evaluate(new MaximumLikelihoodLoss(target));

        Near.Equal(expected, value, 1e-15, "value");
        Near.Equal(expectedGradient, gradient, 1e-15, "gradient");
    }

    [Fact]
    public void Evaluate_MissingTarget_NamesTheGroup()
    {
        var withReference = new TestGroup([-1], [1], [], [], HasReference: true);
        var without = new TestGroup([-1], [1], [1], []);

        string reference = Assert.Throws<ArgumentException>(() => new TestBatch(withReference, without)
            .Evaluate(new MaximumLikelihoodLoss())).Message;
        string best = Assert.Throws<ArgumentException>(() => new TestBatch(withReference)
            .Evaluate(new MaximumLikelihoodLoss(MaximumLikelihoodTarget.BestCandidate))).Message;

        Assert.Contains("Group 1: there is no reference", reference, StringComparison.Ordinal);
        Assert.Contains("Group 0: there is no candidate", best, StringComparison.Ordinal);
    }
}
