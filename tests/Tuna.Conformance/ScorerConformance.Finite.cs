using Tuna.Losses;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Conformance;

/// <summary>What is not finite does not get in, and an update that would make it leaves the last good state, on every engine
/// alike.</summary>
public abstract partial class ScorerConformance
{
    /// <summary>Whether the model refuses what is not finite; a model for tests of the trainer alone may not. Default true.</summary>
    protected virtual bool RefusesNonFinite => true;

    [Theory]
    [InlineData(1e300, 1, 0)]
    [InlineData(-1e300, 1, 0)]
    [InlineData(1e38, 1, 10)]
    [InlineData(1e-3, 1e300, 0)]
    [InlineData(1e39, 1e-3, 0)]
    [InlineData(2e38, 1, 0)]
    public void ApplyGradients_StepThatWouldOverflow_IsRefusedAndChangesNothing(double learningRate, double scale, double decay)
    {
        if (!RefusesNonFinite)
            return;
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1), undisturbed = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        double[] gradient = [.. Gradient(groups).Select(g => 10 * g)];
        var settings = new AdamWSettings { WeightDecay = decay };
        foreach (ITrainableScorer each in new[] { model, undisturbed })
        {
            Train(each, groups, gradient, new AdamWStep(1, 1e-3, 1, new AdamWSettings()));
            Accumulate(each, groups, gradient);
        }

        NonFiniteStepException e =
            Assert.Throws<NonFiniteStepException>(() => model.ApplyGradients(new AdamWStep(2, learningRate, scale, settings)));
        Assert.Contains(e.Parameter!, SavedWeights.Of(model, folder["before"]).Keys);
        Assert.Equal(SavedWeights.Of(undisturbed, folder["other"]), SavedWeights.Of(model, folder["again"]));
        foreach (ITrainableScorer each in new[] { model, undisturbed })
        {
            each.ApplyGradients(new AdamWStep(2, 1e-3, 1, new AdamWSettings())); // the gradients are still there
            Train(each, groups, gradient, new AdamWStep(3, 1e-3, 1, new AdamWSettings()));
        }

        Assert.Equal(SavedWeights.Of(undisturbed, folder["a"]), SavedWeights.Of(model, folder["b"]));
    }

    [Theory]
    [InlineData(NonFiniteAction.Throw)]
    [InlineData(NonFiniteAction.SkipStep)]
    public void Trainer_StepThatTheEngineRefuses_IsLeftOutOrEndsTheRun_AndTheWeightsStay(NonFiniteAction action)
    {
        if (!RefusesNonFinite)
            return;
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        Dictionary<string, float[]> before = SavedWeights.Of(model, folder["before"]);
        var options = new TrainerOptions
        {
            LearningRate = 1e300,
            Schedule = LearningRateSchedule.Constant,
            Epochs = 1,
            GroupsPerMicroBatch = 1,
            MicroBatchesPerStep = 1,
            OnNonFinite = action,
            RunFolder = folder["run"],
        };
        var trainer = new RankingTrainer(model, new SumLoss(), options);
        if (action == NonFiniteAction.Throw)
        {
            NonFiniteTrainingException e = Assert.Throws<NonFiniteTrainingException>(() => trainer.Train(groups));
            Assert.Equal(1, e.Step);
            Assert.Contains("learning rate", e.Message, StringComparison.Ordinal);
        }
        else
        {
            TrainingResult result = trainer.Train(groups);
            Assert.Equal((groups.Length, groups.Length), (result.Steps, result.SkippedSteps));
            Assert.All(result.History, step => Assert.Contains("refused", step.Skipped, StringComparison.Ordinal));
        }

        Assert.Equal(before, SavedWeights.Of(model, folder["after"]));
    }

    [Fact]
    public void LoadTrainingState_AnyNumberThatIsNotFinite_NamesItAndChangesNothing()
    {
        if (!RefusesNonFinite)
            return;
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1), other = Create(2);
        TokenGroup[] groups = Groups(model.Info);
        Train(model, groups, Gradient(groups), new AdamWStep(1, 1e-2, 1, new AdamWSettings()));
        Accumulate(model, groups, Gradient(groups));
        model.SaveModel(folder.Root);
        model.SaveTrainingState(folder.Root);
        Dictionary<string, float[]> before = SavedWeights.Of(other, folder["before"]);
        int copy = 0;
        foreach (string path in Directory.GetFiles(folder.Root, "*.safetensors"))
        {
            string[] names;
            using (SafetensorsFile file = SafetensorsFile.Open(path))
                names = [.. file.Tensors.Keys.Where((_, i) => i % 5 == 1)]; // weights, moments and gradients among them
            foreach (string name in names)
            {
                string damaged = folder[$"damaged{copy}"];
                SavedWeights.CopyWith(folder.Root, damaged, Path.GetFileName(path), name, values => values[^1] = copy % 2 == 0
                    ? float.NaN : float.NegativeInfinity);
                Assert.Contains(name, Assert.Throws<InvalidDataException>(() => other.LoadTrainingState(damaged)).Message,
                    StringComparison.Ordinal);
                copy++;
            }
        }

        Assert.True(copy > 5);
        Assert.Equal(before, SavedWeights.Of(other, folder["after"]));
        other.LoadTrainingState(folder.Root);
        Assert.Equal(SavedWeights.Of(model, folder["a"]), SavedWeights.Of(other, folder["b"]));
    }

    /// <summary>Minus the mean of all values.</summary>
    private sealed class SumLoss : IRankingLoss
    {
        public LossNeeds Needs => LossNeeds.Nothing;

        public LossDescription Describe() => new(nameof(SumLoss));

        public double Evaluate(in RankingBatch batch, Span<double> gradient)
        {
            gradient.Fill(-1.0 / gradient.Length);
            double sum = 0;
            foreach (double value in batch.Values)
                sum -= value / gradient.Length;
            return sum;
        }
    }
}
