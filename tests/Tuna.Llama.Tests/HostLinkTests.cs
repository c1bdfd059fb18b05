using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

/// <summary>
/// How often the host waits for numbers. Each such copy is a place where a GPU runs dry, as nothing can be asked of it meanwhile; so there
/// is one for what a micro-batch's loss needs, one for a step's norm and one for a drawn token, whatever the model.
/// </summary>
public class HostLinkTests
{
    private static readonly TokenGroup[] Groups = Batches.Random(4, 3, Tiny.Config.VocabularySize);

    public static TheoryData<string, LlamaPolicyOptions> Variants => new()
    {
        { "plain", new() },
        { "recomputed", new() { Activations = ActivationMode.Recompute } },
        { "bf16", new() { ComputeType = TensorDType.BF16 } },
        { "moments of a byte", new() { Moments = MomentPrecision.EightBit } },
        { "adapters", new() { Lora = Tiny.Lora } },
        { "adapters with dropout", new() { Lora = Tiny.Lora with { Dropout = 0.2 } } },
        { "adapters beside 4 bits", new() { Lora = Tiny.Lora, BaseWeights = WeightPrecision.Nf4 } },
        { "rules of their own", new() { ParameterGroups = [ParameterGroup.NoDecayForNormsAndBiases] } },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public void Step_OfMicroBatches_ReadsTheValuesOfEachAndOneNorm(string variant, LlamaPolicyOptions options)
    {
        foreach (int layers in new[] { 1, 4 })
        {
            using LlamaPolicy policy = LlamaPolicy.Create(Tiny.Config with { LayerCount = layers }, options);
            Step(policy, 1, 2); // the first one also looks at the weights once
            long first = Link(policy).Reads, bytes = Link(policy).ReadBytes;
            Assert.Equal((variant, 2 + 1 + 1), (variant, first));
            Step(policy, 2, 2);
            Assert.Equal((variant, 2 + 1), (variant, Link(policy).Reads - first));
            // a log-probability of four bytes for every response token, at most, and the norm
            Assert.InRange(Link(policy).ReadBytes - bytes, 1, 8 + (4 * Groups.Sum(g => g.Responses.Sum(r => r.Length))));
            long writes = Link(policy).Writes;
            Step(policy, 3, 2);
            Assert.InRange(Link(policy).Writes - writes, 1, options.Lora is { Dropout: > 0 } ? 1000 : 60);
        }
    }

    [Fact]
    public void Step_WithGradientsAppliedAsTheyArrive_ReadsNoMore()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { Gradients = GradientMode.Recompute });
        Step(policy, 1, 1);
        long first = Link(policy).Reads;
        Assert.Equal(3, first);
        Step(policy, 2, 1);
        Assert.Equal(2, Link(policy).Reads - first);
    }

    [Fact]
    public void Step_OfLeaves_ReadsOneNorm()
    {
        using LlamaPolicy policy = Tiny.Policy();
        for (int step = 1; step <= 2; step++)
        {
            long before = Link(policy).Reads;
            foreach (TokenGroup group in Groups[..2])
            {
                policy.BeginLeaf(step);
                Batches.Accumulate(policy, Tiny.Loss, [group]);
                policy.EndLeaf();
            }

            policy.SumLeaves();
            double norm = policy.GradientNorm();
            policy.ApplyGradients(new AdamWStep(step, 1e-3, 1 / norm, new AdamWSettings()));
            Assert.Equal(step == 1 ? 4 : 3, Link(policy).Reads - before);
        }
    }

    /// <summary>A step that its bounds cannot prove is tried on copies: still one copy says whether everything stays finite.</summary>
    [Fact]
    public void Step_ThatIsTried_ReadsOneAnswer()
    {
        using LlamaPolicy policy = Tiny.Policy();
        Batches.Accumulate(policy, Tiny.Loss, Groups);
        policy.GradientNorm();
        long before = Link(policy).Reads;
        policy.ApplyGradients(new AdamWStep(1, 1e36, 1, new AdamWSettings()));
        Assert.Equal(2, Link(policy).Reads - before); // how large the weights are, and whether all stay finite
    }

    [Fact]
    public void Score_OfManyGroups_ReadsOnceAChunk()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { Trainable = false });
        policy.Score(Groups, new double[Groups.Sum(g => g.Responses.Count)]);
        Assert.Equal(1, Link(policy).Reads);
        using LlamaRewardModel rewards = LlamaRewardModel.Create(Tiny.Config, new() { Trainable = false });
        rewards.Score(Groups, new double[Groups.Sum(g => g.Responses.Count)]);
        Assert.Equal(1, Link(rewards).Reads);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Sample_WithoutKernels_ReadsOnceAToken(int samples)
    {
        foreach (int layers in new[] { 1, 4 })
        {
            using LlamaPolicy policy = LlamaPolicy.Create(Tiny.Config with { LayerCount = layers }, new() { Trainable = false });
            policy.Sample([new() { Prompt = new[] { 3, 4 }, Count = samples, MaxNewTokens = 20, Seed = 1, StopTokens = [] }]);
            Assert.Equal(20, Link(policy).Reads);
        }
    }

    /// <summary>On a GPU the host looks at eight tokens at once, and sends nothing between two looks, so that it can run ahead. Here with
    /// kernels that do nothing.</summary>
    [Theory]
    [InlineData(1, 1.0)]
    [InlineData(3, 0.9)]
    public void Sample_WithKernels_ReadsOnceInEightTokensAndSendsNothingBetween(int samples, double topP)
    {
        foreach (int layers in new[] { 1, 4 })
        {
            var kernels = new StubKernels();
            LlamaConfig config = Tiny.Config with { LayerCount = layers };
            using LlamaPolicy policy = LlamaPolicy.CreateWith(kernels.Parts(config), config,
                new() { Trainable = false, ComputeType = TensorDType.BF16 });
            Assert.Equal(1, Run(1).Reads);      // the prompt's pass draws the first
            Assert.Equal(1 + 5, Run(41).Reads); // and every look brings eight
            Assert.Equal(Run(2).Writes, Run(9).Writes);
            Assert.True(kernels.Launches > 100);

            (long Reads, long Writes) Run(int tokens)
            {
                (long reads, long writes) = (Link(policy).Reads, Link(policy).Writes);
                policy.Sample([new()
                {
                    Prompt = new[] { 3, 4 }, Count = samples, MaxNewTokens = tokens, Seed = 1, StopTokens = [], TopP = topP,
                }]);
                return (Link(policy).Reads - reads, Link(policy).Writes - writes);
            }
        }
    }

    [Fact]
    public void Step_WithKernels_ReadsTheValuesOfEachMicroBatchAndOneNorm()
    {
        var sent = new HashSet<long>();
        foreach (int layers in new[] { 1, 4 })
        {
            LlamaConfig config = Tiny.Config with { LayerCount = layers };
            using LlamaPolicy policy = LlamaPolicy.CreateWith(new StubKernels().Parts(config), config,
                new() { ComputeType = TensorDType.BF16 });
            Step(policy, 1, 2);
            (long reads, long writes) = (Link(policy).Reads, Link(policy).Writes);
            Step(policy, 2, 2);
            Assert.Equal(2 + 1, Link(policy).Reads - reads);
            sent.Add(Link(policy).Writes - writes);
        }

        Assert.Single(sent); // whatever the number of layers
    }

    /// <summary>Each policy counts for itself.</summary>
    [Fact]
    public void Reads_OfTwoPolicies_AreTheirOwn()
    {
        using LlamaPolicy one = Tiny.Policy(), other = Tiny.Policy();
        one.Score(Groups, new double[Groups.Sum(g => g.Responses.Count)]);
        Assert.Equal((1L, 0L), (Link(one).Reads, Link(other).Reads));
    }

    private static HostLink Link(TorchPolicy policy) => policy.Backbone.Parts.Operations.Link;

    private static void Step(LlamaPolicy policy, long step, int microBatches)
    {
        foreach (TokenGroup[] part in Groups.Chunk(Groups.Length / microBatches))
            Batches.Accumulate(policy, Tiny.Loss, part);
        policy.GradientNorm();
        policy.ApplyGradients(new AdamWStep(step, 1e-3, 0.1, new AdamWSettings()));
    }
}
