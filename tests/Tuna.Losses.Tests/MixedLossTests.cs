namespace Tuna.Losses.Tests;

public class MixedLossTests
{
    /// <summary>One group of two candidates and a reference response; worked by hand.</summary>
    [Fact]
    public void Evaluate_TwoTerms_AddsTheirWeightedValuesAndGradients()
    {
        var batch = new TestBatch(new TestGroup([-2, -6, -8], [2, 3, 4], [1, 0], [-2, -6, -8], HasReference: true));
        (double value, double[] gradient) = batch.Evaluate(new MixedLoss((3, new DpoLoss(0.5)), (0.25, new MaximumLikelihoodLoss())));
        // The ratios to the frozen policy are 0: DPO costs log 2, its slope is beta / 2. The likelihood term is 8 / 4, its slope -1 / 4.
        Near.Equal((3 * Math.Log(2)) + (0.25 * 2), value, Near.Golden, "value");
        Near.Equal(-0.75, gradient[0], Near.Golden, "better");
        Near.Equal(0.75, gradient[1], Near.Golden, "worse");
        Near.Equal(-0.0625, gradient[2], Near.Golden, "reference response");
    }

    [Fact]
    public void Needs_AreThoseOfAnyTerm()
    {
        LossNeeds needs = new MixedLoss((1, new LipoLambdaLoss()), (1, new RrhfLoss()), (1, new MaximumLikelihoodLoss())).Needs;
        Assert.Equal(new LossNeeds
        {
            ReferencePolicy = true,
            ReferenceResponse = true,
            LeastCandidates = new RrhfLoss().Needs.LeastCandidates,
            ScoresBelow = 1024,
        }, needs);
        Assert.Equal(new DpoLoss().Needs, new MixedLoss((1, new DpoLoss())).Needs);
    }

    [Fact]
    public void Describe_WeightsAndSettingsOfTerms_TellMixturesApart()
    {
        string[] texts = [.. new IRankingLoss[]
        {
            new MixedLoss((1, new DpoLoss(0.1)), (0.2, new MaximumLikelihoodLoss())),
            new MixedLoss((1, new DpoLoss(0.1)), (0.3, new MaximumLikelihoodLoss())),
            new MixedLoss((1, new DpoLoss(0.2)), (0.2, new MaximumLikelihoodLoss())),
            new MixedLoss((1, new DpoLoss(0.1)), (0.2, new MaximumLikelihoodLoss(MaximumLikelihoodTarget.BestCandidate))),
            new MixedLoss((1, new DpoLoss(0.1))),
        }.Select(l => l.Describe().ToString())];
        Assert.Equal(texts.Length, texts.Distinct().Count());
        Assert.Contains("0.2 [MaximumLikelihoodLoss Target=Reference]", texts[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Constructor_BadTerms_AreRefused()
    {
        Assert.Throws<ArgumentException>(() => new MixedLoss());
        foreach (double weight in new[] { 0, -1, double.NaN, double.PositiveInfinity })
            Assert.Throws<ArgumentOutOfRangeException>(() => new MixedLoss((weight, new DpoLoss())));
        Assert.Throws<ArgumentNullException>(() => new MixedLoss((1, null!)));
    }
}
