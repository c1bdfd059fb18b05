using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Model;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Sampling;

/// <summary>With and without a draft: the same bits, whatever the draft is worth.</summary>
public sealed unsafe class SpeculationTests
{
    private static SamplingRequest Request(int prompt = 6, int count = 1, int tokens = 40, double temperature = 1, ulong seed = 5) => new()
    {
        Prompt = Models.Tokens(prompt, seed),
        Count = count,
        MaxNewTokens = tokens,
        Temperature = temperature,
        Seed = seed,
    };

    [Theory]
    [InlineData(1, 0, 0, 1)]
    [InlineData(2, 0, 0, 1)]
    [InlineData(2, 0.7, 0, 1)]
    [InlineData(1, 1, 0, 1)]
    [InlineData(2, 1.3, 5, 1)]
    [InlineData(2, 1, 0, 0.8)]
    [InlineData(1, 1, 9, 0.9)]
    public void Sample_WithADraft_GivesTheSameBits(int threads, double temperature, int topK, double topP)
    {
        for (ulong model = 1; model <= 3; model++)
        {
            using ManagedLlama plain = Create(model, false, threads), drafting = Create(model, true, threads);
            for (int count = 1; count <= 7; count++)
            {
                // Prompts and budgets of several lengths, some shorter than a draft, and tokens that stop.
                SamplingRequest[] requests =
                [
                    .. Enumerable.Range(0, count)
                        .Select(i => Request(1 + (7 * i), 1, i % 3 == 1 ? i + 1 : 40, temperature, (ulong)(10 + i)) with
                        {
                            TopK = topK,
                            TopP = topP,
                            StopTokens = i % 2 == 0 ? [] : [3, 17, 60],
                        }),
                ];
                AssertSame(plain.Sample(requests), drafting.Sample(requests));
            }

            Assert.Equal(0, plain.DraftCopyBytes);
            (long drafted, long accepted) = drafting.Speculated;
            Assert.InRange(accepted, drafted / 2, drafted); // a draft is worth something, or this tests nothing
            Assert.NotEqual(0, drafted);
        }
    }

    [Fact]
    public void Sample_TwoSamplesOfOnePrompt_GivesTheSameBits()
    {
        using ManagedLlama plain = Create(1, false), drafting = Create(1, true);
        AssertSame(plain.Sample([Request(count: 3)]), drafting.Sample([Request(count: 3)]));
        Assert.NotEqual(0, drafting.Speculated.Drafted);
    }

    [Fact]
    public void Sample_ADraftThatIsOftenWrong_GivesTheSameBits()
    {
        // One weight of each row so large that a byte holds little of the others.
        using ManagedLlama plain = Create(1, false), drafting = Create(1, true);
        foreach (ManagedLlama each in (ManagedLlama[])[plain, drafting])
        {
            float* weights = each.Parameters.WritableWeights;
            foreach (LayerSlots at in each.Parameters.Layers)
            {
                foreach ((long offset, int rows) in ((long, int)[])[(at.Qkv, 48), (at.Output, 24), (at.GateUp, 80)])
                {
                    for (int row = 0; row < rows; row++)
                        weights[offset + (24 * row) + (row % 24)] = 15;
                }
            }
        }

        for (int count = 1; count <= 4; count++)
            AssertSame(plain.Sample([Request(count: count)]), drafting.Sample([Request(count: count)]));
        (long drafted, long accepted) = drafting.Speculated;
        Assert.InRange(accepted, 0, drafted - 10);
    }

    [Fact]
    public void Sample_ADraftOfAnotherModel_GivesTheSameBits()
    {
        // Behind the version's back: what is drafted from has nothing to do with what decides.
        using ManagedLlama plain = Create(2, false), drafting = Create(1, true);
        drafting.Sample([Request()]);
        for (int i = 0; i < plain.Parameters.Count; i++)
            drafting.Parameters.Weights[i] = plain.Parameters.Weights[i];
        (long drafted, long accepted) = drafting.Speculated;
        AssertSame(plain.Sample([Request(count: 4)]), drafting.Sample([Request(count: 4)]));
        AssertSame(plain.Sample([Request(temperature: 0)]), drafting.Sample([Request(temperature: 0)]));
        Assert.InRange(drafting.Speculated.Accepted - accepted, 0, (drafting.Speculated.Drafted - drafted) / 2);
        drafting.Sample([Request(tokens: 100)]);
        Assert.InRange(2 * drafting.Speculated.Accepted, 0, drafting.Speculated.Drafted);

        // From now on one token at a time.
        drafted = drafting.Speculated.Drafted;
        drafting.Sample([Request(tokens: 100)]);
        Assert.InRange(drafting.Speculated.Drafted - drafted, 1, 100);
    }

    [Fact]
    public void Sample_FillingTheContext_GivesTheSameBits()
    {
        using ManagedLlama plain = Create(1, false), drafting = Create(1, true);
        SamplingRequest[] requests = [Request(512 - 19, tokens: 19), Request(40, tokens: 30)];
        AssertSame(plain.Sample(requests), drafting.Sample(requests));
        Assert.NotEqual(0, drafting.Speculated.Drafted);
    }

    [Fact]
    public void Sample_AfterATrainingStep_DraftsFromTheNewWeights()
    {
        using ManagedLlama plain = Create(1, false), drafting = Create(1, true);
        drafting.Sample([Request()]);
        long bytes = drafting.DraftCopyBytes;
        foreach (ManagedLlama each in (ManagedLlama[])[plain, drafting])
        {
            Models.Pass(each, Models.Groups(), 0.5, -1, 0.25, 2, -0.125, 1, 1, -3, 0.75);
            each.ApplyGradients(new AdamWStep(1, 0.3, 1, new AdamWSettings()));
        }

        (long drafted, long accepted) = drafting.Speculated;
        AssertSame(plain.Sample([Request(temperature: 0.5)]), drafting.Sample([Request(temperature: 0.5)]));
        Assert.Equal(bytes, drafting.DraftCopyBytes);
        Assert.InRange(drafting.Speculated.Accepted - accepted, (drafting.Speculated.Drafted - drafted) / 2, long.MaxValue);
    }

    [Fact]
    public void Sample_FewTokensOrManySamples_MakesNoDraft()
    {
        using ManagedLlama policy = Create(1, true);
        policy.Sample([Request(tokens: 15)]);
        policy.Sample([Request(count: 30)]);
        Assert.Equal(0, policy.DraftCopyBytes);
        Assert.Equal((0, 0), policy.Speculated);
    }

    [Fact]
    public void Sample_ATokenThatIsDrawnAnyway_IsNotDrafted()
    {
        using ManagedLlama policy = Create(1, true);
        policy.Sample([Request()]);
        long drafted = policy.Speculated.Drafted;
        policy.Sample([Request(tokens: 2)]);
        Assert.Equal(drafted, policy.Speculated.Drafted);
        policy.Sample([Request(tokens: 3)]);
        Assert.Equal(drafted + 1, policy.Speculated.Drafted);
    }

    [Fact]
    public void Sample_FromACopyInBFloat16_MakesNoDraftAndGivesItsOwnBack()
    {
        using ManagedLlama rounding =
            ManagedLlama.Create(Models.Config, new() { Seed = 1, Threads = 2, Decoding = DecodingPrecision.BFloat16 }),
            policy = Create(1, true);
        rounding.Sample([Request()]);
        Assert.Equal(0, rounding.DraftCopyBytes);

        policy.Sample([Request()]);
        Assert.NotEqual(0, policy.DraftCopyBytes);
        foreach (ref float w in new Span<float>(policy.Parameters.WritableWeights, (int)policy.Parameters.Count))
            w = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(w) & 0xFFFF_0000);
        policy.Sample([Request()]);
        Assert.Equal(0, policy.DraftCopyBytes);
        Assert.NotEqual(0, policy.DecodingCopyBytes);
    }

    [Fact]
    public void Dispose_AfterSampling_GivesTheDraftBack()
    {
        ManagedLlama policy = Create(1, true);
        policy.Sample([Request()]);
        Assert.NotEqual(0, policy.DraftCopyBytes);
        policy.Dispose();
        Assert.Equal(0, policy.DraftCopyBytes);
    }

    [Fact]
    public void Sample_WeightsThatAreNotFinite_Throws()
    {
        using ManagedLlama policy = Create(1, true);
        new Span<float>(policy.Parameters.WritableWeights + policy.Parameters.Layers[1].Down, 960).Fill(float.NaN);
        Assert.Throws<InvalidOperationException>(() => policy.Sample([Request()]));
    }

    private static ManagedLlama Create(ulong seed, bool speculative, int threads = 2) =>
        ManagedLlama.Create(Models.Config, new() { Seed = seed, Threads = threads, SpeculativeDecoding = speculative });

    private static void AssertSame(IReadOnlyList<IReadOnlyList<SampledResponse>> expected,
        IReadOnlyList<IReadOnlyList<SampledResponse>> actual)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int r = 0; r < expected.Count; r++)
        {
            Assert.Equal(expected[r].Count, actual[r].Count);
            for (int k = 0; k < expected[r].Count; k++)
            {
                Assert.Equal(expected[r][k].Tokens, actual[r][k].Tokens);
                Assert.Equal(expected[r][k].LogProb, actual[r][k].LogProb);
                Assert.Equal(expected[r][k].Stopped, actual[r][k].Stopped);
            }
        }
    }
}
