using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Conformance;

public abstract partial class ScorerConformance
{
    [Fact]
    public void ScoreAndForward_BadInput_NamesTheGroupAndChangesNothing()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] good = Groups(model.Info);
        double[] before = Scores(model, good);
        int[] whole = new int[model.Info.ContextLength];
        foreach (TokenGroup bad in new[]
        {
            Bad([1], [model.Info.VocabularySize]), Bad([1], [-1]), Bad([model.Info.VocabularySize], [1]), Bad([int.MinValue], [1]),
                Bad(whole, [1]), Bad([1], whole),
        })
        {
            var values = new double[before.Length + 1];
            ArgumentException e = Assert.ThrowsAny<ArgumentException>(() => model.Score([.. good, bad], values));
            Assert.Contains("the bad one", e.Message, StringComparison.Ordinal);
            e = Assert.ThrowsAny<ArgumentException>(() => model.Forward([.. good, bad]));
            Assert.Contains("the bad one", e.Message, StringComparison.Ordinal);
        }

        Assert.ThrowsAny<ArgumentException>(() => model.Score(good, new double[before.Length - 1]));
        Assert.ThrowsAny<ArgumentException>(() => model.Score(good, new double[before.Length + 1]));
        Assert.ThrowsAny<ArgumentException>(() => model.Score([null!], []));
        Assert.ThrowsAny<ArgumentException>(() => model.Forward([]));
        Assert.Equal(before, Scores(model, good));

        static TokenGroup Bad(int[] prompt, int[] response) => new("the bad one", prompt, [response], new double[1]);
    }

    [Fact]
    public void Score_ExactlyTheContext_IsAccepted()
    {
        using ITrainableScorer model = Create(1);
        Assert.True(double.IsFinite(
            Scores(model, [new TokenGroup("whole", new int[model.Info.ContextLength - 1], [new[] { 1 }], new double[1])])[0]));
    }

    [Fact]
    public void Backward_BadGradient_ThrowsAndAccumulatesNothing()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        double[] gradient = Gradient(groups);
        using (IForwardPass pass = model.Forward(groups))
        {
            Assert.ThrowsAny<ArgumentException>(() => pass.Backward(gradient.AsSpan(1)));
            foreach (double bad in new[] { double.NaN, double.PositiveInfinity })
            {
                double[] spoilt = [.. gradient];
                spoilt[^1] = bad;
                Assert.ThrowsAny<ArgumentException>(() => pass.Backward(spoilt));
            }

            Assert.Equal(0, model.GradientNorm());
            pass.Backward(gradient);
            double norm = model.GradientNorm();
            Assert.Throws<InvalidOperationException>(() => pass.Backward(gradient));
            Assert.Equal(norm, model.GradientNorm());
        }
    }

    [Fact]
    public void Forward_WhileAPassIsOpen_IsRefused()
    {
        using ITrainableScorer model = Create(1);
        using var folder = new TempFolder();
        TokenGroup[] groups = Groups(model.Info);
        double[] scores = Scores(model, groups);
        IForwardPass pass = model.Forward(groups);
        Assert.Throws<InvalidOperationException>(() => model.Forward(groups));
        Assert.Throws<InvalidOperationException>(() => Scores(model, groups));
        Assert.Throws<InvalidOperationException>(() => model.ApplyGradients(new AdamWStep(1, 1e-2, 1, new AdamWSettings())));
        Assert.Throws<InvalidOperationException>(() => model.LoadTrainingState(folder.Root));
        AssertClose(scores, pass.Values.ToArray());
        pass.Dispose();
        pass.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pass.Values.Length);
        Assert.Throws<ObjectDisposedException>(() => pass.Backward(Gradient(groups)));
        using IForwardPass next = model.Forward(groups);
        AssertClose(scores, next.Values.ToArray());
    }

    [Fact]
    public void ApplyGradients_BadStep_ThrowsAndMovesNothing()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        double[] before = Scores(model, groups);
        Accumulate(model, groups, Gradient(groups));
        var settings = new AdamWSettings();
        Assert.Throws<ArgumentOutOfRangeException>(() => model.ApplyGradients(new AdamWStep(0, 1e-2, 1, settings)));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.ApplyGradients(new AdamWStep(1, double.NaN, 1, settings)));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.ApplyGradients(new AdamWStep(1, 1e-2, double.PositiveInfinity, settings)));
        Assert.ThrowsAny<ArgumentException>(() => model.ApplyGradients(new AdamWStep(1, 1e-2, 1, null!)));
        Assert.Equal(before, Scores(model, groups));
    }

    [Fact]
    public void Forward_Cancelled_ThrowsAndLeavesTheModelUsable()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        var cancelled = new CancellationToken(canceled: true);
        Assert.ThrowsAny<OperationCanceledException>(() => model.Forward(groups, cancelled));
        Assert.ThrowsAny<OperationCanceledException>(() => model.Score(groups, new double[groups.Sum(g => g.Responses.Count)], cancelled));
        Accumulate(model, groups, Gradient(groups));
        Assert.True(model.GradientNorm() > 0);
    }

    [Fact]
    public void Dispose_AnyMemberAfterwards_ThrowsObjectDisposed()
    {
        using var folder = new TempFolder();
        ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        IForwardPass pass = model.Forward(groups);
        model.Dispose();
        model.Dispose();
        pass.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pass.Values.Length);
        foreach (Action<ITrainableScorer> use in Uses(groups, folder.Root))
            Assert.Throws<ObjectDisposedException>(() => use(model));
    }

    /// <summary>Every way to use a model.</summary>
    /// <param name="groups">Groups that fit it.</param>
    /// <param name="folder">A folder to save into.</param>
    protected virtual IEnumerable<Action<ITrainableScorer>> Uses(TokenGroup[] groups, string folder) =>
    [
        m => Scores(m, groups),
        m => m.Forward(groups),
        m => m.GradientNorm(),
        m => m.ApplyGradients(new AdamWStep(1, 1e-2, 1, new AdamWSettings())),
        m => m.ClearGradients(),
        m => m.SaveModel(folder),
        m => m.SaveTrainingState(folder),
        m => m.LoadTrainingState(folder),
    ];
}
