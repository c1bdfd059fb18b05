using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Checkpoints;
using Tuna.Llama.Managed.Tests.Model;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Persistence;

public sealed class CheckpointTests : IDisposable
{
    private static readonly double[] Gradient = [0.5, -1, 0.25, 2, -0.125, 1, 1, -3, 0.75];
    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-engine-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(TensorDType.F32)]
    [InlineData(TensorDType.BF16)]
    [InlineData(TensorDType.F16)]
    public void SaveModel_ThenLoad_GivesTheWeightsOfThatType(TensorDType type)
    {
        using ManagedLlama policy = ManagedLlama.Create(Models.Config, new() { Seed = 3, Threads = 1, SavedType = type });
        policy.SaveModel(_folder);
        using ManagedLlama loaded = ManagedLlama.Load(_folder);
        Assert.Equal(type, loaded.Config.DType);
        float[] weights = Models.Weights(policy), read = Models.Weights(loaded);
        Assert.Equal(weights.Select(w => Rounded(w, type)), read);
    }

    [Theory]
    [InlineData(TensorDType.F32)]
    [InlineData(TensorDType.BF16)]
    public void LoadTrainingState_InTheMiddleOfAStep_ContinuesToTheSameBits(TensorDType type)
    {
        var options = new ManagedLlamaOptions { Threads = 2, SavedType = type };
        using ManagedLlama policy = ManagedLlama.Create(Models.Config, options with { Seed = 3 }),
            resumed = ManagedLlama.Create(Models.Config, options with { Seed = 4 });
        Step(policy, 1);
        Models.Pass(policy, Models.Groups(), Gradient); // accumulated, not applied
        policy.SaveModel(_folder);
        policy.SaveTrainingState(_folder);

        Step(resumed, 1); // whatever it did before is forgotten
        resumed.LoadTrainingState(_folder);
        Assert.Equal(Models.Gradients(policy), Models.Gradients(resumed));
        Step(policy, 2);
        Step(resumed, 2);
        Assert.Equal(Models.Weights(policy), Models.Weights(resumed));
    }

    [Fact]
    public void LoadTrainingState_BeforeTheFirstStep_HasNoMoments()
    {
        using ManagedLlama policy = Models.Create(), resumed = Models.Create(seed: 2);
        policy.SaveModel(_folder);
        policy.SaveTrainingState(_folder);
        Step(resumed, 1);
        resumed.LoadTrainingState(_folder);
        Step(policy, 1);
        Step(resumed, 1);
        Assert.Equal(Models.Weights(policy), Models.Weights(resumed));
    }

    [Fact]
    public void LoadTrainingState_AnotherModelOrNoFile_SaysSo()
    {
        using ManagedLlama policy = Models.Create();
        policy.SaveModel(_folder);
        Assert.Contains(TrainingStateFile.FileName, Assert.Throws<InvalidDataException>(() => policy.LoadTrainingState(_folder)).Message,
            StringComparison.Ordinal);
        policy.SaveTrainingState(_folder);
        using ManagedLlama other = ManagedLlama.Create(Models.Config with { IntermediateSize = 41 }, new() { Seed = 1 });
        Assert.Contains("another model", Assert.Throws<InvalidDataException>(() => other.LoadTrainingState(_folder)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void LoadTrainingState_TruncatedFile_ThrowsAndChangesNothing()
    {
        using ManagedLlama policy = Models.Create(), other = Models.Create(seed: 9);
        Step(policy, 1);
        policy.SaveModel(_folder);
        policy.SaveTrainingState(_folder);
        string file = Path.Combine(_folder, TrainingStateFile.FileName);
        byte[] bytes = File.ReadAllBytes(file);
        float[] before = Models.Weights(other);
        foreach (int length in (int[])[0, 7, 100, bytes.Length / 2, bytes.Length - 1])
        {
            File.WriteAllBytes(file, bytes[..length]);
            Assert.Contains(TrainingStateFile.FileName, Assert.Throws<InvalidDataException>(() => other.LoadTrainingState(_folder)).Message,
                StringComparison.Ordinal);
        }

        Assert.Equal(before, Models.Weights(other));
    }

    [Fact]
    public void Load_TruncatedWeights_NamesTheFile()
    {
        using ManagedLlama policy = Models.Create();
        policy.SaveModel(_folder);
        string file = Path.Combine(_folder, "model.safetensors");
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..^5]);
        Assert.Contains("model.safetensors", Assert.Throws<InvalidDataException>(() => ManagedLlama.Load(_folder)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Load_WeightThatIsNotFinite_NamesTensorAndElement(float bad)
    {
        using ManagedLlama policy = Models.Create();
        policy.SaveModel(_folder);
        FiniteTests.Change(Path.Combine(_folder, "model.safetensors"), policy.Parameters.Slots[2].Name, 5, bad);
        string message = Assert.Throws<InvalidDataException>(() => ManagedLlama.Load(_folder)).Message;
        Assert.Contains(policy.Parameters.Slots[2].Name, message, StringComparison.Ordinal);
        Assert.Contains("element 5", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ConfigOfAnotherShape_NamesTheTensor()
    {
        using ManagedLlama policy = Models.Create();
        policy.SaveModel(_folder);
        (Models.Config with { IntermediateSize = 41 }).Save(_folder);
        Assert.Contains("gate_proj", Assert.Throws<InvalidDataException>(() => ManagedLlama.Load(_folder)).Message,
            StringComparison.Ordinal);
        (Models.Config with { LayerCount = 3 }).Save(_folder);
        Assert.Contains("missing", Assert.Throws<InvalidDataException>(() => ManagedLlama.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_UnexpectedTensors_AreRefusedUnlessTheyCannotMatter()
    {
        void Write(params string[] extra) => CheckpointWriter.Write(_folder,
            [.. Models.Config.Parameters().Select(p => new TensorSpec(p.Name, TensorDType.F32, p.Shape)),
                .. extra.Select(n => new TensorSpec(n, TensorDType.F32, [5]))],
            (writer, spec) => writer.Write(spec.Name, new float[spec.Shape.Aggregate(1L, (a, b) => a * b)]));
        Models.Config.Save(_folder);
        Write("model.layers.0.self_attn.rotary_emb.inv_freq");
        ManagedLlama.Load(_folder).Dispose();
        // The config forgets a bias that the checkpoint has: without it the model would compute something else.
        Write("model.layers.1.self_attn.o_proj.bias");
        Assert.Contains("model.layers.1.self_attn.o_proj.bias",
            Assert.Throws<InvalidDataException>(() => ManagedLlama.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NoFolder_Throws() =>
        Assert.Throws<DirectoryNotFoundException>(() => ManagedLlama.Load(Path.Combine(_folder, "nowhere")));

    private static void Step(ManagedLlama policy, long step)
    {
        Models.Pass(policy, Models.Groups(), Gradient);
        policy.ApplyGradients(new AdamWStep(step, 1e-2, 1, new AdamWSettings()));
    }

    private static float Rounded(float value, TensorDType type) => type switch
    {
        TensorDType.BF16 => BitConverter.UInt32BitsToSingle((uint)FloatConversion.ToBFloat16(value) << 16),
        TensorDType.F16 => (float)(Half)value,
        _ => value,
    };
}
