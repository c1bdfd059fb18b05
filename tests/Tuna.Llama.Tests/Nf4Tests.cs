using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;
using static TorchSharp.torch;

namespace Tuna.Llama.Tests;

/// <summary>Weights in 4 bits: their levels and codes against the definition (arXiv 2305.14314), and policies that train adapters beside
/// them.</summary>
public class Nf4Tests
{
    private static readonly TokenGroup[] Groups = Batches.Random(2, 3, Tiny.Config.VocabularySize, 5);

    private static readonly LlamaPolicyOptions Packed = new() { Lora = Tiny.Lora, BaseWeights = WeightPrecision.Nf4, Seed = 4 };

    /// <summary>Appendix E: quantiles of the normal distribution at even steps of probability, eight on the positive side, seven on the
    /// negative, and zero; scaled to [-1, 1].</summary>
    [Fact]
    public void Levels_AreTheQuantilesOfTheNormalDistribution()
    {
        using DisposeScope scope = NewDisposeScope();
        const double Outermost = 0.9677083; // the mean of 1 - 1/30 and 1 - 1/32
        double[] Quantiles(int steps) => [.. Enumerable.Range(0, steps).Select(i => Quantile(Outermost + ((0.5 - Outermost) * i / steps)))];
        double[] positive = Quantiles(8), all = [.. positive, 0, .. Quantiles(7).Select(q => -q)];
        double[] expected = [.. all.Order().Select(q => q / positive[0])];
        Assert.Equal(16, Nf4Codes.Levels.Count);
        Assert.All(expected.Zip(Nf4Codes.Levels), l => Assert.Equal(l.First, l.Second, 1e-6));

        double Quantile(double p) => Math.Sqrt(2) * tensor((2 * p) - 1, ScalarType.Float64).erfinv().item<double>();
    }

    [Theory]
    [InlineData(64)]
    [InlineData(37)]           // less than a block
    [InlineData(20000 + 37)]   // two blocks of magnitudes, and an odd end
    [InlineData((1 << 22) + 5)] // two pieces
    public void Read_WhatWasWritten_IsTheNearestLevelTimesTheBlocksMagnitude(int count)
    {
        using DisposeScope scope = NewDisposeScope();
        using var codes = new Nf4Codes(count, CPU);
        float[] values = Normal(count);
        Array.Clear(values, 0, Math.Min(count, 64)); // a block of zeros
        codes.Write(tensor(values));
        Assert.Equal(Reference(values), codes.Read(ScalarType.Float32).data<float>().ToArray());
        Assert.Equal(codes.Codes.numel() + codes.Magnitudes.Codes.numel() + (4 * codes.Magnitudes.Scales.numel()), Nf4Codes.Bytes(count));
    }

    [Fact]
    public void Read_OfNormalNumbers_IsAsNearAsFourBitsAllowAndOfTheirType()
    {
        using DisposeScope scope = NewDisposeScope();
        const int Count = 1 << 18;
        using var codes = new Nf4Codes(Count, CPU);
        Tensor values = tensor(Normal(Count));
        codes.Write(values);
        // Sixteen levels under the largest of 64: a root mean square of 0.09 of the standard deviation.
        Assert.InRange((codes.Read(ScalarType.Float32) - values).norm().item<float>() / values.norm().item<float>(), 0.08, 0.1);
        Assert.True(codes.Read(ScalarType.BFloat16).equal(codes.Read(ScalarType.Float32).to(ScalarType.BFloat16)).all().item<bool>());
        Assert.Equal(4.127, 8.0 * Nf4Codes.Bytes(Count) / Count, 1e-3);
    }

    /// <summary>Fresh adapters are nothing: what is saved merged is what the packed weights stand for, and the policy that loads it has to
    /// compute the same.</summary>
    [Theory]
    [InlineData(ActivationMode.Keep)]
    [InlineData(ActivationMode.Recompute)]
    public void Policy_InFourBits_ComputesAndTrainsAsOneWithThoseVeryWeights(ActivationMode mode)
    {
        using var folder = new TempFolder();
        using LlamaPolicy packed = Tiny.Policy(Packed with { Activations = mode });
        packed.SaveModel(folder.Root);
        using LlamaPolicy same = LlamaPolicy.Load(folder.Root, new() { Lora = Tiny.Lora, Seed = 4, Activations = mode }),
            original = Tiny.Policy(new() { Seed = 4 });
        Assert.Equal(Scores(same), Scores(packed));
        Assert.NotEqual(Scores(original), Scores(packed));
        for (int step = 1; step <= 2; step++)
            Assert.Equal(Batches.Train(same, Tiny.Loss, Groups, step, 1e-2), Batches.Train(packed, Tiny.Loss, Groups, step, 1e-2));
        Batches.Accumulate(same, Tiny.Loss, Groups);
        Batches.Accumulate(packed, Tiny.Loss, Groups);
        Tiny.AssertClose(Tiny.Gradients(same), Tiny.Gradients(packed), 1e-6);
        SamplingRequest request = new() { Prompt = new[] { 1, 5, 9 }, MaxNewTokens = 8 };
        Assert.Equal(same.Sample([request])[0][0].Tokens, packed.Sample([request])[0][0].Tokens);
        using Tensor ids = tensor(new long[] { 3, 4, 5 }, [1, 3]), logits = packed.Model.forward(ids), expected = same.Model.forward(ids);
        Assert.True(logits.allclose(expected));
    }

    [Fact]
    public void SaveAdapter_TrainedInFourBits_BelongsToTheModelInFourBits()
    {
        using var folders = new TempFolder();
        string model = Directory.CreateDirectory(folders["model"]).FullName, adapter =
            Directory.CreateDirectory(folders["adapter"]).FullName, merged = Directory.CreateDirectory(folders["merged"]).FullName;
        using (LlamaPolicy full = Tiny.Policy(new() { SavedType = TensorDType.F32 }))
            full.SaveModel(model);
        using LlamaPolicy trained = LlamaPolicy.Load(model, Packed);
        for (int step = 1; step <= 3; step++)
            Batches.Train(trained, Tiny.Loss, Groups, step, 1e-2);
        trained.SaveAdapter(adapter);
        trained.SaveModel(merged);
        using LlamaPolicy loaded = LlamaPolicy.Load(model, Packed with { Trainable = false }), whole = LlamaPolicy.Load(merged);
        loaded.LoadAdapter(adapter);
        Assert.Equal(Scores(trained), Scores(loaded));
        Assert.All(Scores(trained).Zip(Scores(whole)), s => Assert.Equal(s.First, s.Second, 1e-3));
    }

    [Fact]
    public void RewardModel_InFourBits_TrainsItsHeadAndAdapters()
    {
        using LlamaRewardModel model = LlamaRewardModel.Create(Tiny.Config, Packed);
        var loss = new Tuna.Losses.PairwiseLogisticLoss();
        double first = Batches.Train(model, loss, Groups, 1, 1e-2), last = first;
        for (int step = 2; step <= 10; step++)
            last = Batches.Train(model, loss, Groups, step, 1e-2);
        Assert.True(last < 0.7 * first, $"{first} to {last}");
    }

    /// <summary>A trained model's own text: how much less likely it is to the same model in 4 bits, which samples the divergence of the
    /// two.</summary>
    [Fact]
    public void Score_OfATrainedModel_HardlyMoves()
    {
        string folder = Path.Combine(GoldenData.TestsFolder(), "..", "samples", "Quickstart", "checkpoints", "teacher");
        LlamaPolicyOptions options = new() { Trainable = false };
        using LlamaPolicy full = LlamaPolicy.Load(folder, options),
            packed = LlamaPolicy.Load(folder, options with { BaseWeights = WeightPrecision.Nf4 });
        SamplingRequest request = new() { Prompt = new[] { 1 }, Count = 64, MaxNewTokens = 48, Seed = 1 };
        TokenGroup[] drawn = [.. full.Sample([request])[0]
            .Select((s, i) => new TokenGroup($"{i}", request.Prompt, [s.Tokens.ToArray()], new double[1]))];
        double[] one = new double[drawn.Length], other = new double[drawn.Length];
        full.Score(drawn, one);
        packed.Score(drawn, other);
        int tokens = drawn.Sum(g => g.Responses[0].Length);
        double divergence = (one.Sum() - other.Sum()) / tokens, likelihood = -one.Sum() / tokens;
        Assert.True(divergence is > 0 and < 0.06, $"{divergence} nats a token, of {likelihood}");
    }

    [Fact]
    public void Create_InFourBitsWithoutAdapters_IsForPoliciesThatAreNotTrained()
    {
        LlamaPolicyOptions options = new() { BaseWeights = WeightPrecision.Nf4 };
        Assert.Contains(nameof(LlamaPolicyOptions.Lora), Assert.Throws<ArgumentException>(() => Tiny.Policy(options)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Tiny.Policy(options with { BaseWeights = (WeightPrecision)7 }));
        using LlamaPolicy frozen = Tiny.Policy(options with { Trainable = false });
        Assert.All(Scores(frozen), s => Assert.True(double.IsFinite(s)));
    }

    [Fact]
    public void EstimateMemory_SevenBillionInFourBitsWithAdapters_FitsOnTwentyFourGigabytes()
    {
        var config = new LlamaConfig
        {
            HiddenSize = 4096,
            LayerCount = 32,
            HeadCount = 32,
            KeyValueHeadCount = 32,
            IntermediateSize = 11008,
            VocabularySize = 32000,
            HeadDimension = 128,
        };
        var group = new TokenGroup("group", new int[256], [new int[128], new int[192], new int[224], new int[256]], new double[4]);
        MemoryEstimate Of(WeightPrecision weights) =>
            MemoryEstimate.Of(config, new LoraOptions { Rank = 16 }, TensorDType.BF16, true, [group], ActivationMode.Recompute, "cuda",
                baseWeights: weights);
        Assert.InRange(Of(WeightPrecision.Nf4).Total, 4e9, 12e9);
        Assert.True(Of(WeightPrecision.Full).Total - Of(WeightPrecision.Nf4).Total > 9e9);
    }

    private static double[] Scores(LlamaPolicy policy)
    {
        var scores = new double[Groups.Sum(g => g.Responses.Count)];
        policy.Score(Groups, scores);
        return scores;
    }

    private static float[] Normal(int count)
    {
        using var generator = new Generator(3, CPU);
        using Tensor values = randn([count], ScalarType.Float32, CPU, generator: generator);
        return values.data<float>().ToArray();
    }

    /// <summary>By the definition, number by number.</summary>
    private static float[] Reference(float[] values)
    {
        float[][] blocks = [.. values.Chunk(Nf4Codes.Block)];
        float[] largest = [.. blocks.Select(b => b.Max(MathF.Abs))];
        float mean;
        using (Tensor all = tensor(largest), average = all.mean())
            mean = average.item<float>();
        float[] dynamic = BlockCodes.Levels(signed: true);
        float[] magnitudes = [.. largest.Select(m => m - mean).Chunk(BlockCodes.Block).SelectMany(group =>
        {
            float top = group.Max(MathF.Abs);
            return group.Select(m => top == 0 ? 0 : Nearest(dynamic, m / top) * top);
        })];
        return [.. blocks.SelectMany((block, b) =>
            block.Select(x => largest[b] == 0 ? 0 : Nearest(Nf4Codes.Levels, x / largest[b]) * (magnitudes[b] + mean)))];

        static float Nearest(IReadOnlyList<float> levels, float x) => levels.MinBy(l => Math.Abs((double)l - x));
    }
}
