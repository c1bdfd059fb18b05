using Tuna.Llama.Managed.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Llama.Managed.Tests.Model;

/// <summary>No NaN and no infinity gets in, stays, or is saved: a campaign found runs that went astray and saved what could not be loaded
/// any more.</summary>
public sealed unsafe class FiniteTests : IDisposable
{
    private static readonly double[] Gradient = [0.5, -1, 0.25, 2, -0.125, 1, 1, -3, 0.75];
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1e300, 1, 0)]
    [InlineData(-1e300, 1, 0)]
    [InlineData(1e38, 1, 10)]
    [InlineData(1e-3, 1e300, 0)]
    [InlineData(1e39, 1e-3, 0)]
    public void ApplyGradients_StepThatWouldOverflow_IsRefusedAndChangesNothing(double learningRate, double scale, double decay)
    {
        using ManagedLlama policy = Models.Create(), undisturbed = Models.Create();
        foreach (ManagedLlama each in (ManagedLlama[])[policy, undisturbed])
        {
            Models.Pass(each, Models.Groups(), Gradient);
            each.ApplyGradients(new AdamWStep(1, 1e-3, 1, new AdamWSettings()));
            Models.Pass(each, Models.Groups(), Gradient);
        }

        var bad = new AdamWStep(2, learningRate, scale, new AdamWSettings { WeightDecay = decay });
        NonFiniteStepException e = Assert.Throws<NonFiniteStepException>(() => policy.ApplyGradients(bad));
        Assert.Contains("model.", e.Message, StringComparison.Ordinal);
        foreach (ManagedLlama each in (ManagedLlama[])[policy, undisturbed])
            each.ApplyGradients(new AdamWStep(2, 1e-3, 1, new AdamWSettings()));
        Assert.Equal(Models.Weights(undisturbed), Models.Weights(policy));
    }

    [Fact]
    public void ApplyGradients_GradientThatIsNotFinite_NamesItsTensorAndChangesNothing()
    {
        using ManagedLlama policy = Models.Create();
        Models.Pass(policy, Models.Groups(), Gradient);
        ParameterSlot slot = policy.Parameters.Slots[4];
        policy.Parameters.GradientOf(slot)[3] = float.NaN;
        float[] before = Models.Weights(policy);
        NonFiniteStepException e =
            Assert.Throws<NonFiniteStepException>(() => policy.ApplyGradients(new AdamWStep(1, 1e-3, 1, new AdamWSettings())));
        Assert.Contains($"Element 3 of '{slot.Name}'", e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Models.Weights(policy));
        Assert.Throws<InvalidOperationException>(() => policy.SaveTrainingState(_folder.Root));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
        policy.ClearGradients();
        Models.Pass(policy, Models.Groups(), Gradient);
        policy.ApplyGradients(new AdamWStep(1, 1e-3, 1, new AdamWSettings()));
        Assert.NotEqual(before, Models.Weights(policy));
    }

    [Fact]
    public void ApplyGradients_NextToTheLargestNumber_IsTriedAndHasTheSameBits()
    {
        // Too large for the bounds to prove anything, yet the step is a good one: every step measures again.
        using ManagedLlama policy = Models.Create(), direct = Models.Create();
        for (int step = 1; step <= 3; step++)
        {
            foreach (ManagedLlama each in (ManagedLlama[])[policy, direct])
            {
                Models.Pass(each, Models.Groups(), Gradient);
                each.Parameters.WritableWeights[2000] = 1.2e38f;
            }

            var settings = new AdamWStep(step, 1e-3, 0.5, new AdamWSettings { WeightDecay = 0.1 });
            policy.ApplyGradients(settings);
            LlamaParameters p = direct.Parameters;
            p.EnsureMoments();
            AdamW.Step(direct.Pool, p.Count, p.WritableWeights, p.AccumulatedGradient(), p.First, p.Second, settings);
            p.ClearGradient();
            Assert.Equal(Models.Weights(direct), Models.Weights(policy));
            policy.Parameters.WritableWeights[2000] = direct.Parameters.WritableWeights[2000] = 0;
        }
    }

    [Theory]
    [InlineData("first_moment/", float.NaN)]
    [InlineData("first_moment/", float.PositiveInfinity)]
    [InlineData("second_moment/", float.NegativeInfinity)]
    [InlineData("second_moment/", -1e-3f)]
    [InlineData("gradient/", float.NaN)]
    [InlineData("weight/", float.PositiveInfinity)]
    public void LoadTrainingState_NumberThatIsNot_NamesItsTensorAndChangesNothing(string kind, float value)
    {
        ManagedLlamaOptions options = new() { Threads = 1, SavedType = TensorDType.BF16 };
        using ManagedLlama policy = ManagedLlama.Create(Models.Config, options), other = Models.Create(seed: 5);
        Models.Pass(policy, Models.Groups(), Gradient);
        policy.ApplyGradients(new AdamWStep(1, 1e-3, 1, new AdamWSettings()));
        Models.Pass(policy, Models.Groups(), Gradient);
        policy.SaveModel(_folder.Root);
        policy.SaveTrainingState(_folder.Root);
        string name = kind + policy.Parameters.Slots[7].Name;
        Change(Path.Combine(_folder.Root, TrainingStateFile.FileName), name, 2, value);

        float[] before = Models.Weights(other);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => other.LoadTrainingState(_folder.Root));
        Assert.Contains(name, e.Message, StringComparison.Ordinal);
        Assert.Contains(TrainingStateFile.FileName, e.Message, StringComparison.Ordinal);
        Assert.Equal(before, Models.Weights(other));
    }

    [Fact]
    public void LoadTrainingState_ModelWithNaN_NamesItsTensorAndChangesNothing()
    {
        using ManagedLlama policy = Models.Create(), other = Models.Create(seed: 5);
        policy.SaveModel(_folder.Root);
        policy.SaveTrainingState(_folder.Root);
        string name = policy.Parameters.Slots[7].Name;
        Change(Path.Combine(_folder.Root, "model.safetensors"), name, 2, float.NaN);
        float[] before = Models.Weights(other);
        Assert.Contains(name, Assert.Throws<InvalidDataException>(() => other.LoadTrainingState(_folder.Root)).Message,
            StringComparison.Ordinal);
        Assert.Equal(before, Models.Weights(other));
        Assert.Contains(name, Assert.Throws<InvalidDataException>(() => ManagedLlama.Load(_folder.Root)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(TensorDType.F16, 65519f, true)]
    [InlineData(TensorDType.F16, 65520f, false)]
    [InlineData(TensorDType.F16, -1e6f, false)]
    [InlineData(TensorDType.BF16, 1e6f, true)]
    [InlineData(TensorDType.BF16, 3.3961e38f, true)]
    [InlineData(TensorDType.BF16, -3.4e38f, false)]
    [InlineData(TensorDType.F32, 3.4e38f, true)]
    [InlineData(TensorDType.F32, float.NaN, false)]
    [InlineData(TensorDType.F16, float.NaN, false)]
    public void SaveModel_WeightTheTypeCannotHold_NamesItsTensorAndWritesNothing(TensorDType type, float weight, bool fits)
    {
        using ManagedLlama policy = ManagedLlama.Create(Models.Config, new() { Threads = 1, SavedType = type });
        ParameterSlot slot = policy.Parameters.Slots[^2];
        policy.Parameters.WritableWeightsOf(slot)[5] = weight;
        if (fits)
        {
            policy.SaveModel(_folder.Root);
            using ManagedLlama loaded = ManagedLlama.Load(_folder.Root);
            Assert.Equal(weight, loaded.Parameters.WeightsOf(slot)[5], Math.Abs(weight) / 100);
            return;
        }

        Assert.Contains($"Element 5 of tensor '{slot.Name}'",
            Assert.Throws<InvalidOperationException>(() => policy.SaveModel(_folder.Root)).Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Root));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(33)]
    [InlineData(AdamW.BlockSize + 5)]
    public void Finite_OneBadNumberAnywhere_IsFound(int count)
    {
        using var pool = new WorkerPool(2);
        using var values = new TestMatrix(1, count, 1);
        Span<float> row = values.Matrix.RowSpan(0);
        row.Clear();
        foreach (int place in (int[])[0, count / 2, count - 1])
        {
            foreach (float bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
            {
                row[place] = bad;
                Assert.Equal(place, Finite.IndexOfNonFinite(row));
                Assert.Equal(place, Finite.IndexOfBeyond(row, 1));
                Assert.False(double.IsFinite(Finite.Largest(pool, count, values.Data, new double[2])));
            }

            row[place] = -2;
            Assert.Equal(-1, Finite.IndexOfNonFinite(row));
            Assert.Equal(place, Finite.IndexOfBeyond(row, 2));
            Assert.Equal(-1, Finite.IndexOfBeyond(row, 2.5f));
            Assert.Equal(2, Finite.Largest(pool, count, values.Data, new double[2]));
            row[place] = 0;
        }
    }

    /// <summary>Writes a file again with one number changed.</summary>
    internal static void Change(string path, string name, int index, float value)
    {
        string aside = path + ".old";
        File.Move(path, aside);
        using (SafetensorsFile file = SafetensorsFile.Open(aside))
        {
            using var writer = new SafetensorsWriter(path, file.Tensors.Values.Select(t => new TensorSpec(t.Name, t.DType, t.Shape)),
                file.Metadata);
            foreach (string tensor in file.Tensors.Keys)
            {
                float[] values = file.ReadSingles(tensor);
                if (tensor == name)
                    values[index] = value;
                writer.Write(tensor, values);
            }

            writer.Complete();
        }

        File.Delete(aside);
    }
}
