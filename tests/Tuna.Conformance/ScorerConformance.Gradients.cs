using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Conformance;

public abstract partial class ScorerConformance
{
    // With no memory and an epsilon far above every gradient, AdamW is plain gradient descent: w - (rate / epsilon) g.
    private static readonly AdamWSettings Descent = new() { Beta1 = 0, Beta2 = 0, Epsilon = 1e9 };

    /// <summary>The gradient of every parameter, read from what a step of plain gradient descent changes in the saved model.</summary>
    private Dictionary<string, double[]> ParameterGradients(ulong seed, Action<ITrainableScorer> accumulate)
    {
        using var folder = new TempFolder();
        using ITrainableScorer before = Create(seed), after = Create(seed);
        // The largest change is about one, against which single precision loses nothing that matters.
        accumulate(after);
        double rate = 10 / after.GradientNorm();
        after.ApplyGradients(new AdamWStep(1, rate * Descent.Epsilon, 1, Descent));
        Dictionary<string, float[]> from = SavedWeights.Of(before, folder["before"]), to = SavedWeights.Of(after, folder["after"]);
        return from.ToDictionary(t => t.Key, t => t.Value.Zip(to[t.Key], (w, moved) => ((double)w - moved) / rate).ToArray());
    }

    [Fact]
    public void Backward_EveryParameter_HasTheGradientOfFiniteDifferences()
    {
        int moves = 0;
        using ITrainableScorer model = Create(1);
        using var folder = new TempFolder();
        TokenGroup[] groups = Groups(model.Info);
        double[] weights = Gradient(groups);
        Dictionary<string, double[]> gradients = ParameterGradients(1, m => Accumulate(m, groups, weights));
        Dictionary<string, float[]> saved = SavedWeights.Of(model, folder["model"]);
        double largest = gradients.Values.Max(g => Math.Sqrt(g.Sum(x => x * x)));
        foreach ((string name, float[] values) in saved)
        {
            // Along the gradient itself the derivative is its norm; along a random direction it shows whether the parts are where they
            // should be.
            double[] own = gradients[name];
            double norm = Math.Sqrt(own.Sum(x => x * x));
            Assert.True(norm > 1e-7 * largest, $"{name} has no gradient");
            foreach (double[] direction in new[] { own, Random(own.Length, norm) })
            {
                double length = Math.Sqrt(direction.Sum(x => x * x));
                double expected = direction.Zip(own, (d, g) => d / length * g).Sum();
                double step = 2e-3 * Math.Max(1, Math.Sqrt(values.Sum(x => (double)x * x)) / 10);
                double measured = (Value(step) - Value(-step)) / (2 * step);
                Assert.True(Math.Abs(expected - measured) <= 0.02 * Math.Max(norm, 0.02 * largest),
                    $"{name}: the derivative is {measured}, backward says {expected} (norm {norm}, largest {largest})");

                double Value(double by)
                {
                    string at = folder[$"moved{moves++}"];
                    SavedWeights.CopyWith(folder["model"], at, name, [.. values.Zip(direction, (w, d) => (float)(w + (by * d / length)))]);
                    using ITrainableScorer moved = Load(at);
                    return Scores(moved, groups).Zip(weights, (s, w) => s * w).Sum();
                }
            }
        }

        static double[] Random(int count, double norm)
        {
            var rng = new Rng(7);
            return [.. Enumerable.Range(0, count).Select(_ => rng.NextGaussian() * norm)];
        }
    }

    [Fact]
    public void Backward_SeveralPasses_AddUp()
    {
        using ITrainableScorer one = Create(1), two = Create(1);
        TokenGroup[] groups = Groups(one.Info);
        double[] weights = Gradient(groups);
        Accumulate(one, groups, weights);
        int row = 0;
        foreach (TokenGroup group in groups)
        {
            Accumulate(two, [group], weights.AsSpan(row, group.Responses.Count));
            row += group.Responses.Count;
        }

        Assert.Equal(one.GradientNorm(), two.GradientNorm(), one.GradientNorm() * Tolerance);
        one.ApplyGradients(new AdamWStep(1, 1e-2, 1, new AdamWSettings { Epsilon = 1e-2 }));
        two.ApplyGradients(new AdamWStep(1, 1e-2, 1, new AdamWSettings { Epsilon = 1e-2 }));
        AssertClose(Scores(one, groups), Scores(two, groups), 5);
    }

    [Fact]
    public void Backward_ZeroForSomeResponses_IsAsIfTheyWereAbsent()
    {
        using ITrainableScorer all = Create(1), some = Create(1);
        TokenGroup[] groups = Groups(all.Info);
        TokenGroup group = groups[0];
        Accumulate(all, [group], [0.5, 0, 0, 0]);
        Accumulate(some, [new TokenGroup(group.Id, group.Prompt, [group.Responses[0]], new double[1])], [0.5]);
        Assert.Equal(some.GradientNorm(), all.GradientNorm(), some.GradientNorm() * Tolerance);
        Assert.True(all.GradientNorm() > 0);
    }

    [Fact]
    public void GradientNorm_NothingAccumulatedOrCleared_IsZero()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        Assert.Equal(0, model.GradientNorm());
        Accumulate(model, groups, new double[groups.Sum(g => g.Responses.Count)]);
        Assert.Equal(0, model.GradientNorm());
        Accumulate(model, groups, Gradient(groups));
        double norm = model.GradientNorm();
        Assert.True(norm > 0);
        model.ClearGradients();
        Assert.Equal(0, model.GradientNorm());
        Accumulate(model, groups, Gradient(groups));
        Assert.Equal(norm, model.GradientNorm(), norm * Tolerance);
    }

    [Fact]
    public void GradientNorm_IsThatOfAllParameters()
    {
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        Accumulate(model, groups, Gradient(groups));
        double sum = ParameterGradients(1, m => Accumulate(m, groups, Gradient(groups))).Values.Sum(g => g.Sum(x => x * x));
        Assert.Equal(model.GradientNorm(), Math.Sqrt(sum), 1e-3 * model.GradientNorm());
    }

    [Fact]
    public void ApplyGradients_TwoSteps_AreAdamWAsPublished()
    {
        using ITrainableScorer model = Create(1);
        using var folder = new TempFolder();
        TokenGroup[] groups = Groups(model.Info);
        double[] weights = Gradient(groups);
        var settings = new AdamWSettings { Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6, WeightDecay = 0.1 };
        Dictionary<string, double[]> first = SavedWeights.Of(model, folder["start"])
            .ToDictionary(t => t.Key, t => t.Value.Select(x => (double)x).ToArray());
        Dictionary<string, double[]> gradient = ParameterGradients(1, m => Accumulate(m, groups, weights));
        Train(model, groups, weights, new AdamWStep(1, 1e-3, 0.5, settings));
        Dictionary<string, float[]> moved = SavedWeights.Of(model, folder["moved"]);
        double unit = gradient.Values.Max(g => g.Max(Math.Abs));
        foreach ((string name, double[] w) in first)
        {
            for (int i = 0; i < w.Length; i++)
            {
                double g = 0.5 * gradient[name][i];
                if (Math.Abs(g) < 1e-3 * unit)
                    continue; // the sign of what is all but zero is rounding
                // After one step the corrected moments are g and g squared.
                double expected = (w[i] * (1 - (1e-3 * 0.1))) - (1e-3 * g / (Math.Abs(g) + 1e-6));
                Assert.True(Math.Abs(expected - moved[name][i]) < 2e-5, $"{name}[{i}]: expected {expected}, got {moved[name][i]}");
            }
        }

        // Nothing accumulated: only decay and the first moment move the weights, by the published recursion.
        model.ApplyGradients(new AdamWStep(2, 1e-3, 1, settings));
        Dictionary<string, float[]> coasted = SavedWeights.Of(model, folder["coasted"]);
        foreach ((string name, float[] w) in moved)
        {
            for (int i = 0; i < w.Length; i++)
            {
                double g = 0.5 * gradient[name][i];
                if (Math.Abs(g) < 1e-3 * unit)
                    continue;
                double m = 0.8 * 0.2 * g / (1 - (0.8 * 0.8)), v = 0.95 * 0.05 * g * g / (1 - (0.95 * 0.95));
                double expected = (w[i] * (1 - (1e-3 * 0.1))) - (1e-3 * m / (Math.Sqrt(v) + 1e-6));
                Assert.True(Math.Abs(expected - coasted[name][i]) < 2e-5,
                    $"{name}[{i}], second step: expected {expected}, got {coasted[name][i]}");
            }
        }
    }
}
