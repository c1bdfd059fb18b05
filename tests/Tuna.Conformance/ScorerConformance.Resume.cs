using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Conformance;

public abstract partial class ScorerConformance
{
    [Fact]
    public void SaveModel_Loaded_GivesTheSameNumbers()
    {
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        Train(model, groups, Gradient(groups), new AdamWStep(1, 1e-2, 1, new AdamWSettings()));
        model.SaveModel(folder.Root);
        using ITrainableScorer loaded = Load(folder.Root);
        Assert.Equal(model.Info, loaded.Info);
        Assert.Equal(Scores(model, groups), Scores(loaded, groups));
    }

    [Fact]
    public void LoadTrainingState_WithinAStep_ContinuesToTheSameBits()
    {
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1), resumed = Create(2);
        TokenGroup[] groups = Groups(model.Info);
        double[] gradient = Gradient(groups);
        var settings = new AdamWSettings { WeightDecay = 0.01 };
        Train(model, groups, gradient, new AdamWStep(1, 1e-2, 1, settings));
        Accumulate(model, groups[..1], gradient.AsSpan(0, groups[0].Responses.Count)); // half of the next step is accumulated
        model.SaveModel(folder.Root);
        model.SaveTrainingState(folder.Root);
        resumed.LoadTrainingState(folder.Root);
        Assert.Equal(model.GradientNorm(), resumed.GradientNorm());
        foreach (ITrainableScorer each in new[] { model, resumed })
        {
            Accumulate(each, groups[1..], gradient.AsSpan(groups[0].Responses.Count));
            each.ApplyGradients(new AdamWStep(2, 1e-2, 1, settings));
            Train(each, groups, gradient, new AdamWStep(3, 1e-2, 1, settings));
        }

        Assert.Equal(Scores(model, groups), Scores(resumed, groups));
        Assert.Equal(SavedWeights.Of(model, folder["a"]), SavedWeights.Of(resumed, folder["b"]));
    }

    [Fact]
    public async Task CopyState_SavedWhenTheModelHasMovedOn_HasTheBytesOfThen()
    {
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        Train(model, groups, Gradient(groups), new AdamWStep(1, 1e-2, 1, new AdamWSettings()));
        Accumulate(model, groups[..1], Gradient(groups).AsSpan(0, groups[0].Responses.Count));
        string then = Directory.CreateDirectory(folder["then"]).FullName, later = Directory.CreateDirectory(folder["later"]).FullName;
        model.SaveModel(then);
        model.SaveTrainingState(then);
        using (IStateCopy? copy = model.CopyState())
        {
            Assert.Equal(CopiesState, copy is not null);
            if (copy is null)
                return;
            Train(model, groups, Gradient(groups), new AdamWStep(2, 1e-2, 1, new AdamWSettings()));
            await Task.Run(() => copy.Save(later));
        }

        Assert.Equal(Files(then), Files(later));

        static Dictionary<string, string> Files(string folder) =>
            Directory.GetFiles(folder).ToDictionary(f => Path.GetFileName(f), f => Convert.ToHexString(File.ReadAllBytes(f)));
    }

    [Fact]
    public void LoadTrainingState_DamagedFile_ThrowsInvalidData()
    {
        using var folder = new TempFolder();
        using ITrainableScorer model = Create(1);
        TokenGroup[] groups = Groups(model.Info);
        Train(model, groups, Gradient(groups), new AdamWStep(1, 1e-2, 1, new AdamWSettings()));
        model.SaveModel(folder.Root);
        string[] models = Directory.GetFiles(folder.Root);
        model.SaveTrainingState(folder.Root);
        foreach (string file in Directory.GetFiles(folder.Root).Except(models))
        {
            byte[] whole = File.ReadAllBytes(file);
            File.WriteAllBytes(file, whole[..(whole.Length / 2)]);
            Assert.Throws<InvalidDataException>(() => model.LoadTrainingState(folder.Root));
            File.WriteAllBytes(file, whole);
        }

        model.LoadTrainingState(folder.Root); // whole again
    }
}
