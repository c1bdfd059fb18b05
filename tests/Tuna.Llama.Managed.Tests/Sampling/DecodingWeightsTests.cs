using Tuna.Llama.Managed.Sampling;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Checkpoints;
using Tuna.Llama.Managed.Model;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Llama.Managed.Tests.Sampling;

public sealed unsafe class DecodingWeightsTests
{
    private static readonly LlamaConfig Untied = Models.Config with { TieWordEmbeddings = false };
    private static readonly AdamWStep Step = new(1, 1e-2, 1, new AdamWSettings());

    private static SamplingRequest Request(int tokens, double temperature = 1) => new()
    {
        Prompt = Models.Tokens(6, 5),
        Count = 9,
        MaxNewTokens = tokens,
        Temperature = temperature,
        Seed = 5,
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Sample_ExactFromBFloat16Weights_ReadsACopyAndGivesTheSameBits(bool tied)
    {
        using ManagedLlama plain = Create(DecodingPrecision.Exact, tied), copying = Create(DecodingPrecision.Exact, tied);
        Round(plain.Parameters);
        Round(copying.Parameters);
        copying.Sample([Request(20)]);
        // Few tokens are not worth a copy, but are sampled from one that is there.
        AssertSame(plain.Sample([Request(15)]), copying.Sample([Request(15)]));
        Assert.Equal(0, plain.DecodingCopyBytes);
        // Rows of 24 weights take a block of 64 bytes, the 24 rows of 40 weights two.
        Assert.Equal(64 * ((2 * (48 + 24 + 80 + (2 * 24))) + 61), copying.DecodingCopyBytes);
    }

    [Fact]
    public void Sample_ExactFromOtherWeights_MakesNoCopy()
    {
        using ManagedLlama policy = Create(DecodingPrecision.Exact);
        Round(policy.Parameters);
        policy.Parameters.WritableWeights[policy.Parameters.Layers[1].Down + 5] += 1e-5f;
        policy.Sample([Request(20)]);
        Assert.Equal(0, policy.DecodingCopyBytes);
    }

    [Fact]
    public void Sample_ExactAfterTraining_GivesTheCopyBackAndFollowsTheWeights()
    {
        using ManagedLlama policy = Create(DecodingPrecision.Exact), other = Create(DecodingPrecision.Exact);
        Round(policy.Parameters);
        Round(other.Parameters);
        policy.Sample([Request(20)]);
        Assert.NotEqual(0, policy.DecodingCopyBytes);
        Train(policy);
        Train(other);
        AssertSame(other.Sample([Request(12)]), policy.Sample([Request(12)]));
        AssertSame(other.Sample([Request(20)]), policy.Sample([Request(20)]));
        Assert.Equal(0, policy.DecodingCopyBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Sample_BFloat16_SamplesFromTheRoundedWeights(double temperature)
    {
        // Prompts go through the trunk, whose weights are not rounded; nor are the input embedding and the norms.
        using ManagedLlama policy = Create(DecodingPrecision.BFloat16, tied: false),
            reference = Create(DecodingPrecision.Exact, tied: false);
        Round(reference.Parameters);
        using var decoder = new Decoder(Untied, reference.Parameters, policy.Trunk, policy.Pool, DecodingPrecision.Exact,
            speculative: false);
        SamplingRequest request = Request(14, temperature);
        AssertSame(decoder.Sample([request], policy.Info, default), policy.Sample([request]));
        Assert.Equal(0, decoder.CopyBytes);
        Assert.NotEqual(0, policy.DecodingCopyBytes);

        using ManagedLlama exact = Create(DecodingPrecision.Exact, tied: false);
        Assert.NotEqual(exact.Sample([request])[0][0].LogProb, policy.Sample([request])[0][0].LogProb);
    }

    [Fact]
    public void Score_BFloat16_ReadsTheWeightsAsTheyAre()
    {
        using ManagedLlama policy = Create(DecodingPrecision.BFloat16), exact = Create(DecodingPrecision.Exact);
        policy.Sample([Request(20)]);
        Assert.Equal(Models.Pass(exact, Models.Groups()), Models.Pass(policy, Models.Groups()));
    }

    /// <summary>Whoever writes weights: forgetting to say so leaves the copy as it was.</summary>
    [Theory]
    [InlineData("training step", TensorDType.F32)]
    [InlineData("restored state", TensorDType.F32)]
    [InlineData("restored state", TensorDType.BF16)]
    [InlineData("initialization", TensorDType.F32)]
    public void Sample_BFloat16AfterWeightsWereWritten_IsThatOfAFreshCopy(string writer, TensorDType savedType)
    {
        using var folder = new TempFolder();
        var options = new ManagedLlamaOptions { Threads = 2, Decoding = DecodingPrecision.BFloat16, SavedType = savedType };
        using ManagedLlama policy = ManagedLlama.Create(Models.Config, options with { Seed = 1 }),
            fresh = ManagedLlama.Create(Models.Config, options with { Seed = 1 }),
            saved = ManagedLlama.Create(Models.Config, options with { Seed = 2 });
        saved.SaveModel(folder.Root);
        saved.SaveTrainingState(folder.Root);
        IReadOnlyList<IReadOnlyList<SampledResponse>> before = policy.Sample([Request(6)]);
        long copy = policy.DecodingCopyBytes, version = policy.Parameters.Version;
        foreach (ManagedLlama each in (ManagedLlama[])[policy, fresh])
        {
            if (writer == "training step")
                Train(each);
            else if (writer == "restored state")
                each.LoadTrainingState(folder.Root);
            else
                ModelFiles.Initialize(each.Config, each.Parameters, 3);
        }

        Assert.NotEqual(version, policy.Parameters.Version);
        IReadOnlyList<IReadOnlyList<SampledResponse>> after = policy.Sample([Request(6)]);
        AssertSame(fresh.Sample([Request(6)]), after);
        Assert.NotEqual(before[0][0].LogProb, after[0][0].LogProb);
        Assert.Equal(copy, policy.DecodingCopyBytes);
    }

    [Fact]
    public void Sample_BFloat16_MakesItsCopyAgainOnlyWhenTheWeightsChanged()
    {
        using ManagedLlama prompts = Create(DecodingPrecision.Exact, tied: false), policy = Create(DecodingPrecision.Exact, tied: false);
        LlamaParameters parameters = policy.Parameters;
        using var decoder = new Decoder(Untied, parameters, prompts.Trunk, prompts.Pool, DecodingPrecision.BFloat16, speculative: false);
        IReadOnlyList<IReadOnlyList<SampledResponse>> before = decoder.Sample([Request(6)], policy.Info, default);
        prompts.Score(Models.Groups(), new double[9]);
        // behind the version's back: a copy made again would show it
        new Span<float>(parameters.Weights + parameters.Layers[0].Down, 960).Fill(0.01f);
        AssertSame(before, decoder.Sample([Request(6)], policy.Info, default));
        _ = parameters.WritableWeights;
        Assert.NotEqual(before[0][0].LogProb, decoder.Sample([Request(6)], policy.Info, default)[0][0].LogProb);
    }

    [Fact]
    public void Dispose_AfterSampling_GivesTheCopyBack()
    {
        ManagedLlama policy = Create(DecodingPrecision.BFloat16);
        policy.Sample([Request(1)]);
        Assert.NotEqual(0, policy.DecodingCopyBytes);
        policy.Dispose();
        Assert.Equal(0, policy.DecodingCopyBytes);
    }

    [Fact]
    public void Decoding_NoSuchPrecision_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new ManagedLlamaOptions { Decoding = (DecodingPrecision)2 }.Validate());

    private static ManagedLlama Create(DecodingPrecision decoding, bool tied = true) =>
        ManagedLlama.Create(tied ? Models.Config : Untied, new() { Seed = 1, Threads = 2, Decoding = decoding });

    /// <summary>Rounds the matrices that new tokens are multiplied with, and nothing else.</summary>
    private static void Round(LlamaParameters parameters)
    {
        float* weights = parameters.WritableWeights;
        foreach (LayerSlots at in parameters.Layers)
        {
            RoundRange(at.Qkv, 48 * 24);
            RoundRange(at.Output, 24 * 24);
            RoundRange(at.GateUp, 80 * 24);
            RoundRange(at.Down, 24 * 40);
        }

        RoundRange(parameters.OutputEmbedding, 61 * 24);

        void RoundRange(long offset, int count)
        {
            foreach (ref float w in new Span<float>(weights + offset, count))
                w = BitConverter.UInt32BitsToSingle((uint)FloatConversion.ToBFloat16(w) << 16);
        }
    }

    private static void Train(ManagedLlama policy)
    {
        Models.Pass(policy, Models.Groups(), 0.5, -1, 0.25, 2, -0.125, 1, 1, -3, 0.75);
        policy.ApplyGradients(Step);
    }

    private static void AssertSame(IReadOnlyList<IReadOnlyList<SampledResponse>> expected,
        IReadOnlyList<IReadOnlyList<SampledResponse>> actual)
    {
        for (int k = 0; k < expected[0].Count; k++)
        {
            Assert.Equal(expected[0][k].Tokens, actual[0][k].Tokens);
            Assert.Equal(expected[0][k].LogProb, actual[0][k].LogProb);
        }
    }
}
