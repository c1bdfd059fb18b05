using Tuna.Models;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Conformance;

/// <summary>What every <see cref="ITrainableScorer"/> owes the trainer, as tests. Derive a class from it in the engine's test project and
/// say how to open a model.</summary>
/// <remarks>
/// The model is tiny: a handful of layers, a vocabulary of 16 to a few hundred ids, a context of at least 32 tokens, weights large enough
/// that responses differ (a standard deviation of 0.2
/// or so). It computes and saves in single precision. Tolerances are those of single precision; an engine whose sums are less exact says so
/// in <see cref="Tolerance"/>.
/// </remarks>
public abstract partial class ScorerConformance
{
    /// <summary>Largest relative error of a score that single precision explains. Default 2e-4.</summary>
    protected virtual double Tolerance => 2e-4;

    /// <summary>Whether <see cref="ITrainableScorer.CopyState"/> gives a copy. Default true, as of every
    /// <see cref="PolicyBase"/>.</summary>
    protected virtual bool CopiesState => true;

    /// <summary>Makes a trainable model; the same seed gives the same weights.</summary>
    /// <param name="seed">Seed of the weights.</param>
    protected abstract ITrainableScorer Create(ulong seed);

    /// <summary>Opens what <see cref="ITrainableScorer.SaveModel"/> wrote.</summary>
    /// <param name="folder">The model folder.</param>
    protected abstract ITrainableScorer Load(string folder);

    /// <summary>Random groups that fit the model: responses of one token, of several, and of many; two that begin alike; ties; one
    /// reference response.</summary>
    protected static TokenGroup[] Groups(PolicyInfo info, ulong seed = 1)
    {
        ArgumentNullException.ThrowIfNull(info);
        var rng = new Rng(seed);
        int longest = Math.Min(info.ContextLength, 40) - 8;
        ReadOnlyMemory<int> Tokens(int count) => Enumerable.Range(0, count).Select(_ => rng.Next(info.VocabularySize)).ToArray();
        ReadOnlyMemory<int> first = Tokens(5);
        return
        [
            new("ragged", Tokens(4), [first, Tokens(1), (int[])[.. first.Span[..3], .. Tokens(2).Span]], new double[] { 2, 1, 1 },
                Tokens(3)),
            new("long", Tokens(7), [Tokens(longest), Tokens(2)], new double[] { 1, 0 }),
            new("one token", Tokens(1), [Tokens(6)], new double[] { 0 }),
        ];
    }

    /// <summary>The numbers of all responses.</summary>
    protected static double[] Scores(IResponseScorer model, IReadOnlyList<TokenGroup> groups)
    {
        ArgumentNullException.ThrowIfNull(model);
        var values = new double[groups.Sum(g => g.Responses.Count)];
        model.Score(groups, values);
        return values;
    }

    /// <summary>Compares numbers one by one, in units of the largest.</summary>
    protected void AssertClose(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double factor = 1)
    {
        Assert.Equal(expected.Count, actual.Count);
        double unit = Math.Max(expected.Max(Math.Abs), 1e-3);
        for (int i = 0; i < expected.Count; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= factor * Tolerance * unit,
                $"[{i}]: expected {expected[i]:R}, got {actual[i]:R}; the largest is {unit}");
    }

    /// <summary>One step: forward, the gradient given, an update.</summary>
    protected static void Train(ITrainableScorer model, IReadOnlyList<TokenGroup> groups, ReadOnlySpan<double> gradient, in AdamWStep step)
    {
        ArgumentNullException.ThrowIfNull(model);
        Accumulate(model, groups, gradient);
        model.ApplyGradients(step);
    }

    /// <summary>Forward and backward.</summary>
    protected static void Accumulate(ITrainableScorer model, IReadOnlyList<TokenGroup> groups, ReadOnlySpan<double> gradient)
    {
        ArgumentNullException.ThrowIfNull(model);
        using IForwardPass pass = model.Forward(groups);
        pass.Backward(gradient);
    }

    /// <summary>A gradient for each response, none of them zero and no two alike.</summary>
    protected static double[] Gradient(IReadOnlyList<TokenGroup> groups) =>
        [.. Enumerable.Range(0, groups.Sum(g => g.Responses.Count)).Select(r => (r % 2 == 0 ? 0.3 : -0.2) - (0.01 * r))];

    [Fact]
    public void Score_AnyCompany_GivesTheSameNumber()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        double[] together = Scores(model, groups);
        AssertClose(together, [.. groups.SelectMany(g => Scores(model, [g]))]);
        AssertClose([.. Scores(model, [.. groups.Reverse()]).Order()], [.. together.Order()]);
        Assert.Equal(together, Scores(model, groups)); // the same call gives the same bits
        Assert.True(together.Distinct().Count() > 3, "the model's numbers are all alike: its weights are too small for these tests");
    }

    [Fact]
    public void Score_SharedPrompt_IsThatOfEachResponseAlone()
    {
        using ITrainableScorer model = Create(2);
        TokenGroup[] groups = Groups(model.Info, 2);
        double[] alone = [.. groups.SelectMany(g =>
            g.Responses.SelectMany(r => Scores(model, [new TokenGroup(g.Id, g.Prompt, [r], new double[1])])))];
        AssertClose(alone, Scores(model, groups));
    }

    [Fact]
    public void Score_ManyGroups_GivesEachItsNumber()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] many = [.. Enumerable.Range(0, 150).SelectMany(i => Groups(model.Info, (ulong)(i % 3)))];
        double[] scores = Scores(model, many),
            few = [.. Enumerable.Range(0, 3).SelectMany(i => Scores(model, Groups(model.Info, (ulong)i)))];
        AssertClose([.. Enumerable.Range(0, 50).SelectMany(_ => few)], scores);
        Assert.Empty(Scores(model, []));
    }

    [Fact]
    public void Forward_Values_AreThoseOfScore()
    {
        using ITrainableScorer model = Create(3);
        TokenGroup[] groups = Groups(model.Info);
        double[] scores = Scores(model, groups);
        using IForwardPass pass = model.Forward(groups);
        AssertClose(scores, pass.Values.ToArray());
    }

    [Fact]
    public void Create_SameSeed_GivesTheSameWeights_AnotherSeedOthers()
    {
        using ITrainableScorer a = Create(5), b = Create(5), c = Create(6);
        TokenGroup[] groups = Groups(a.Info);
        Assert.Equal(Scores(a, groups), Scores(b, groups));
        Assert.NotEqual(Scores(a, groups), Scores(c, groups));
    }
}
