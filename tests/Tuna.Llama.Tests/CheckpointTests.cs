using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Tests.Golden;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Llama.Tests;

public class CheckpointTests
{
    [Fact]
    public void NamedParameters_OfAGoldenModel_AreTheCheckpointsTensors()
    {
        using LlamaPolicy policy = GoldenModels.Load("sharded");
        using CheckpointReader reader = CheckpointReader.Open(GoldenData.FilePath("models", "sharded"));
        Assert.Equal(reader.Names.Order(StringComparer.Ordinal),
            policy.Model.named_parameters().Select(p => p.name).Order(StringComparer.Ordinal));
        Assert.All(policy.Model.named_parameters(), p => Assert.True(p.parameter.requires_grad, p.name));
        Assert.Empty(policy.Model.named_buffers());
    }

    [Theory]
    [InlineData("llama1_mha")]
    [InlineData("llama3_gqa")]
    [InlineData("sharded")]
    [InlineData("bf16")]
    [InlineData("fp16")]
    public void SaveModel_OfALoadedModel_WritesTheSameTensors(string name)
    {
        using var folder = new TempFolder();
        using LlamaPolicy policy = GoldenModels.Load(name);
        policy.SaveModel(folder.Root);
        using CheckpointReader expected = CheckpointReader.Open(GoldenData.FilePath("models", name)),
            actual = CheckpointReader.Open(folder.Root);
        Assert.Equal(expected.Names.Order(StringComparer.Ordinal), actual.Names.Order(StringComparer.Ordinal));
        foreach (string tensor in expected.Names)
        {
            Assert.Equal(expected[tensor].DType, actual[tensor].DType);
            Assert.True(expected.Bytes(tensor).SequenceEqual(actual.Bytes(tensor)), tensor);
        }

        Assert.Equal(policy.Config, LlamaConfig.Load(folder.Root) with { EosTokenIds = policy.Config.EosTokenIds });
    }

    [Fact]
    public void Write_InPieces_GivesTheBytesOfTheWhole()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using var folder = new TempFolder();
        torch.Tensor tensor = torch.arange(70, torch.ScalarType.Float32).view(7, 10).narrow(1, 2, 5); // not contiguous
        using (var writer = new SafetensorsWriter(folder["x.safetensors"], [new TensorSpec("t", TensorDType.BF16, [7, 5])]))
        {
            Tuna.Llama.Checkpoints.TensorFiles.Write(writer, "t", tensor, TensorDType.BF16, pieceBytes: 45); // two rows of singles
            writer.Complete();
        }

        using SafetensorsFile file = SafetensorsFile.Open(folder["x.safetensors"]);
        Assert.Equal(tensor.contiguous().data<float>().ToArray(), file.ReadSingles("t"));
    }

    [Fact]
    public void Load_MissingTensors_NamesThem()
    {
        using var folder = new TempFolder();
        using (LlamaPolicy policy = Tiny.Policy())
            policy.SaveModel(folder.Root);
        (Tiny.Config with { LayerCount = 4 }).Save(folder.Root);
        Assert.Contains("model.layers.3", Assert.Throws<InvalidDataException>(() => LlamaPolicy.Load(folder.Root)).Message,
            StringComparison.Ordinal);
        (Tiny.Config with { HiddenSize = 30 }).Save(folder.Root);
        Assert.Contains("shape", Assert.Throws<InvalidDataException>(() => LlamaPolicy.Load(folder.Root)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Load_UnexpectedTensors_AreRefusedUnlessTheyCannotMatter()
    {
        using var folder = new TempFolder();
        void Write(params string[] extra) => CheckpointWriter.Write(folder.Root,
            [.. Tiny.Config.Parameters().Select(p => new TensorSpec(p.Name, TensorDType.F32, p.Shape)),
                .. extra.Select(n => new TensorSpec(n, TensorDType.F32, [5]))],
            (writer, spec) => writer.Write(spec.Name, new float[spec.Shape.Aggregate(1L, (a, b) => a * b)]));
        Tiny.Config.Save(folder.Root);
        Write("model.layers.0.self_attn.rotary_emb.inv_freq");
        LlamaPolicy.Load(folder.Root).Dispose();
        // The config forgets a bias that the checkpoint has: without it the model would compute something else.
        Write("model.layers.1.self_attn.o_proj.bias");
        Assert.Contains("model.layers.1.self_attn.o_proj.bias",
            Assert.Throws<InvalidDataException>(() => LlamaPolicy.Load(folder.Root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Forward_CancelledThenRepeated_DrawsTheMasksOfAnUninterruptedRun()
    {
        TokenGroup[] groups = Batches.Random(2, 3, 97);
        double[] Run(bool cancelOnce)
        {
            using LlamaPolicy policy = Tiny.Policy(new() { Lora = Tiny.Lora with { Dropout = 0.3 } });
            Batches.Train(policy, Tiny.Loss, groups, 1, 1e-2);
            if (cancelOnce)
                Assert.ThrowsAny<OperationCanceledException>(() => policy.Forward(groups, new CancellationToken(canceled: true)));
            using IForwardPass pass = policy.Forward(groups);
            return pass.Values.ToArray();
        }

        Assert.Equal(Run(false), Run(true));
    }

    public static TheoryData<bool, bool> Variants => new() { { false, false }, { true, false }, { false, true }, { true, true } };

    [Theory]
    [MemberData(nameof(Variants))]
    public void LoadTrainingState_MidStep_ContinuesToTheSameBits(bool bf16, bool lora)
    {
        var options = new LlamaPolicyOptions
        {
            ComputeType = bf16 ? TensorDType.BF16 : TensorDType.F32,
            SavedType = bf16 ? TensorDType.BF16 : TensorDType.F32,
            Lora = lora ? Tiny.Lora with { Dropout = 0.2 } : null,
            Seed = 9,
        };
        TokenGroup[] a = Batches.Random(2, 3, 97, 1), b = Batches.Random(2, 3, 97, 2);
        using var folder = new TempFolder();
        using LlamaPolicy whole = Tiny.Policy(options);
        Batches.Train(whole, Tiny.Loss, a, 1);
        Batches.Accumulate(whole, Tiny.Loss, b); // a step half accumulated
        whole.SaveModel(folder.Root);
        whole.SaveTrainingState(folder.Root);
        Batches.Train(whole, Tiny.Loss, a, 2);

        using LlamaPolicy resumed = Tiny.Policy(options);
        resumed.LoadTrainingState(folder.Root);
        Batches.Train(resumed, Tiny.Loss, a, 2);
        foreach (((string name, TorchSharp.Modules.Parameter expected),
            (_, TorchSharp.Modules.Parameter actual)) in whole.Model.named_parameters().Zip(resumed.Model.named_parameters()))
            Assert.True(expected.bytes.SequenceEqual(actual.bytes), name);
        Assert.Equal(Batches.Accumulate(whole, Tiny.Loss, b), Batches.Accumulate(resumed, Tiny.Loss, b));
    }

    [Fact]
    public void LoadTrainingState_OfAnotherModelOrMissing_ChangesNothing()
    {
        using var folder = new TempFolder();
        using LlamaPolicy policy = Tiny.Policy();
        Assert.Throws<InvalidDataException>(() => policy.LoadTrainingState(folder.Root));
        using LlamaPolicy other = LlamaPolicy.Create(Tiny.Config with { IntermediateSize = 40 });
        Batches.Train(other, Tiny.Loss, Batches.Random(1, 3, 97), 1);
        other.SaveModel(folder.Root);
        other.SaveTrainingState(folder.Root);
        float[] before = policy.Model.named_parameters().First().parameter.data<float>().ToArray();
        Assert.Contains("mlp", Assert.Throws<InvalidDataException>(() => policy.LoadTrainingState(folder.Root)).Message,
            StringComparison.Ordinal);
        Assert.Equal(before, policy.Model.named_parameters().First().parameter.data<float>().ToArray());
    }

    [Fact]
    public void RankingTrainer_CancelledAndResumed_EqualsTheUninterruptedRun()
    {
        TokenGroup[] groups = Batches.Random(12, 3, 97);
        using var folder = new TempFolder();
        TrainerOptions Options(string run) => new()
        {
            RunFolder = folder[run],
            GroupsPerMicroBatch = 2,
            MicroBatchesPerStep = 2,
            LearningRate = 1e-3,
            CheckpointEverySteps = 1,
        };
        byte[] Train(string run, int cancelAfter)
        {
            using LlamaPolicy policy = Tiny.Policy();
            using var cancellation = new CancellationTokenSource();
            int steps = 0;
            var progress = new Now(() =>
            {
                if (++steps == cancelAfter)
                    cancellation.Cancel();
            });
            try
            {
                new RankingTrainer(policy, Tiny.Loss, Options(run))
                    .Train(groups, progress: progress, cancellationToken: cancellation.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Equal(cancelAfter, steps);
            }

            return policy.Model.named_parameters().SelectMany(p => p.parameter.bytes.ToArray()).ToArray();
        }

        byte[] whole = Train("whole", 0);
        Assert.NotEqual(whole, Train("cut", 2));
        Assert.Equal(whole, Train("cut", 0));
    }

    private sealed class Now(Action report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report();
    }
}
