using Tuna.Evaluation.Measures;
using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Evaluation.Tests.Measures;

public class HeldOutNllTests
{
    [Fact]
    public void Of_References_AreScoredAlone()
    {
        // The fake policy gives the first response of a group -0.5 nats a token and its second -1: candidates must not be among them.
        using var policy = new FakePolicy(prompt => prompt);
        var groups = new[] { Group("1", 2), Group("2", 8) };
        HeldOutNll nll = HeldOutNll.Of(policy, groups, batchSize: 1);
        Assert.Equal((2, 10L), (nll.Responses, nll.Tokens));
        Assert.Equal(5, nll.Sum, 1e-12);
        Assert.Equal(0.5, nll.PerResponse, 1e-12);
        Assert.Equal(Math.Exp(0.5), nll.Perplexity, 1e-12);
    }

    [Fact]
    public void Of_LogProbsAsTheyWereKept_IsTheSameAsScoring()
    {
        using var policy = new FakePolicy(prompt => prompt);
        TokenGroup[] groups = [.. new[] { 2,
            8 }.Select(n => new TokenGroup($"{n}", new[] { 5 }, [], default, Enumerable.Repeat(9, n).ToArray()))];
        Assert.Equal(HeldOutNll.Of(policy, groups), HeldOutNll.Of(groups, ReferenceLogProbs.Score(policy, groups)));
        Assert.Throws<ArgumentException>(() => HeldOutNll.Of(groups[..1], ReferenceLogProbs.Score(policy, groups)));
    }

    [Fact]
    public void Of_NoReference_NamesTheGroup()
    {
        using var policy = new FakePolicy(prompt => prompt);
        var group = new TokenGroup("g7", new[] { 5 }, [new[] { 6 }], new[] { 1.0 });
        Assert.Contains("g7", Assert.Throws<ArgumentException>(() => HeldOutNll.Of(policy, [group])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => HeldOutNll.Of(policy, []));
    }

    [Fact]
    public void Best_SeveralBetas_IsTheLikeliest()
    {
        var byBeta = new Dictionary<double, HeldOutNll> { [1.0] = new(2, 10, 12, 1.3), [1.3] = new(2, 10, 13, 1.1),
            [2.0] = new(2, 10, 11, 1.2) };
        Assert.Equal(1.3, BetaChoice.Best(byBeta));
        byBeta[1.5] = new(2, 11, 1, 0.1);
        Assert.Throws<ArgumentException>(() => BetaChoice.Best(byBeta)); // other responses: not comparable
    }

    private static TokenGroup Group(string id, int length) =>
        new(id, new[] { 5 }, [new[] { 6, 7, 8 }], new[] { 1.0 }, Enumerable.Repeat(9, length).ToArray());
}
