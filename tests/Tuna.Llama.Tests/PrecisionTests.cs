using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Tests.Golden;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

public class PrecisionTests
{
    [Fact]
    public void Train_Bf16WithATinyRate_MovesTheMastersThoughTheRoundedWeightsStand()
    {
        using var folder = new Tuna.Testing.TempFolder();
        using LlamaPolicy policy = Tiny.Policy(new() { ComputeType = TensorDType.BF16, SavedType = TensorDType.F32 });
        TorchSharp.Modules.Parameter weight = policy.Model.named_parameters().Single(p => p.name == "lm_head.weight").parameter;
        Assert.Equal(torch.ScalarType.BFloat16, weight.dtype);
        policy.SaveModel(Directory.CreateDirectory(folder["before"]).FullName);
        byte[] rounded = weight.bytes.ToArray();
        for (int step = 1; step <= 4; step++)
            Batches.Train(policy, Tiny.Loss, Batches.Random(2, 3, 97), step, 1e-6);
        policy.SaveModel(Directory.CreateDirectory(folder["after"]).FullName);
        using CheckpointReader before = CheckpointReader.Open(folder["before"]), after = CheckpointReader.Open(folder["after"]);
        float[] a = new float[weight.numel()], b = new float[weight.numel()];
        before.Read("lm_head.weight", a);
        after.Read("lm_head.weight", b);
        Assert.True(a.Zip(b, (x, y) => x != y).Count(moved => moved) > 0.9 * a.Length);
        byte[] roundedAfter = weight.bytes.ToArray();
        int changed = Enumerable.Range(0, rounded.Length / 2)
            .Count(i => rounded[2 * i] != roundedAfter[2 * i] || rounded[(2 * i) + 1] != roundedAfter[(2 * i) + 1]);
        Assert.True(changed < 0.1 * a.Length, $"{changed} of {a.Length} rounded weights moved: the masters are not what keeps small steps");
    }

    [Fact]
    public void Score_Bf16_IsCloseToSinglePrecision()
    {
        using LlamaPolicy exact = Tiny.Policy(), rounded = Tiny.Policy(new() { ComputeType = TensorDType.BF16 });
        TokenGroup[] groups = Batches.Random(3, 3, 97);
        double[] a = new double[12], b = new double[12];
        exact.Score(groups, a);
        rounded.Score(groups, b);
        // 8 bits of mantissa: a few percent of a sum of some ten log-probabilities.
        Assert.All(a.Zip(b), x => Assert.InRange(Math.Abs(x.First - x.Second), 0, 0.05 * Math.Abs(x.First)));
        Assert.NotEqual(a, b);
    }

    [Fact]
    public void Load_SinglePrecisionCheckpointIntoBf16_KeepsItInTheMasters()
    {
        using var folder = new Tuna.Testing.TempFolder();
        using LlamaPolicy policy = GoldenModels.Load("llama1_mha", new() { ComputeType = TensorDType.BF16 });
        policy.SaveModel(folder.Root);
        using CheckpointReader expected = CheckpointReader.Open(Tuna.Testing.GoldenData.FilePath("models", "llama1_mha")),
            actual = CheckpointReader.Open(folder.Root);
        Assert.All(expected.Names, name => Assert.True(expected.Bytes(name).SequenceEqual(actual.Bytes(name)), name));
    }

    [Fact]
    public void ApplyGradients_ParameterGroups_DecayAndFreezeByName()
    {
        using LlamaPolicy policy = Tiny.Policy(new()
        {
            ParameterGroups = [ParameterGroup.NoDecayForNormsAndBiases,
                new(name => name.StartsWith("model.embed", StringComparison.Ordinal)) { LearningRateFactor = 0 }],
        });
        float[] Values(string name) => policy.Model.named_parameters().Single(p => p.name == name).parameter.data<float>().ToArray();
        float[] norm = Values("model.norm.weight"), embedding = Values("model.embed_tokens.weight"), head = Values("lm_head.weight");
        // No gradient at all: only the decay moves weights.
        policy.ApplyGradients(new AdamWStep(1, 0.1, 1, new AdamWSettings { WeightDecay = 0.5 }));
        Assert.Equal(norm, Values("model.norm.weight"));
        Assert.Equal(embedding, Values("model.embed_tokens.weight"));
        Assert.All(head.Zip(Values("lm_head.weight")), x => Assert.Equal(x.First * 0.95f, x.Second, 1e-6f));
    }

    [Fact]
    public void ApplyGradients_GradientScale_IsClipping()
    {
        TokenGroup[] groups = Batches.Random(1, 3, 97);
        using LlamaPolicy policy = Tiny.Policy();
        Batches.Accumulate(policy, Tiny.Loss, groups);
        double norm = policy.GradientNorm();
        double sum = Tiny.Gradients(policy).Values.Sum(g => g.Sum(x => (double)x * x));
        Assert.Equal(Math.Sqrt(sum), norm, 1e-4 * norm);
        policy.ClearGradients();
        Assert.Equal(0, policy.GradientNorm());
    }
}
