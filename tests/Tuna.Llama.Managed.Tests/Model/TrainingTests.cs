using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Model;

public class TrainingTests
{
    private static readonly double[] Gradient = [0.5, -1, 0.25, 2, -0.125, 1, 1, -3, 0.75];

    [Fact]
    public void Backward_EveryResponse_MatchesFiniteDifferencesOfScore()
    {
        using ManagedLlama policy = Models.Create();
        TokenGroup[] groups = [Models.Group("a", 4, 1, 5, 1), Models.Group("b", 3, 2, 4)];
        double[] gradient = [1, -0.5, 0.25];
        Models.Pass(policy, groups, gradient);
        float[] analytic = Models.Gradients(policy);
        double norm = policy.GradientNorm();

        // Along random directions, since single entries of a single-precision model drown in rounding: the derivative of L along d is g .
        // d.
        for (ulong seed = 0; seed < 5; seed++)
        {
            using var direction = new TestMatrix(1, analytic.Length, seed);
            double expected = 0;
            for (int i = 0; i < analytic.Length; i++)
                expected += (double)analytic[i] * direction[0, i];
            // Differences of fourth order, so that the step can be large against rounding.
            const float H = 1e-3f;
            double slope = ((8 * (Loss(policy, groups, gradient, direction, H) - Loss(policy, groups, gradient, direction, -H)))
                - (Loss(policy, groups, gradient, direction, 2 * H) - Loss(policy, groups, gradient, direction, -2 * H))) / (12 * H);
            Assert.Equal(expected, slope, 2e-3 * norm);
        }
    }

    [Fact]
    public void Pass_SharedPrompt_EqualsSingleResponseGroups()
    {
        using ManagedLlama shared = Models.Create(), single = Models.Create();
        TokenGroup[] groups = Models.Groups();
        TokenGroup[] alone = [.. groups.SelectMany(g => g.Responses.Select(r => new TokenGroup(g.Id, g.Prompt, [r], new double[1])))];
        double[] a = Models.Pass(shared, groups, Gradient), b = Models.Pass(single, alone, Gradient);
        Assert.Equal(a, b); // a row's arithmetic does not depend on what else is in the batch
        Models.AssertClose(Models.Gradients(single), Models.Gradients(shared), 1e-5);
    }

    // What is kept where depends on the sizes: many rows beside few weights, few beside many, and a vocabulary of three blocks.
    [Theory]
    [InlineData(24, 7, 61, true)]
    [InlineData(24, 7, 2500, true)]
    [InlineData(64, 3, 2500, true)]
    [InlineData(64, 3, 2500, false)]
    [InlineData(8, 2, 3000, false)]
    public void Backward_ValuesKeptOrComputedAgain_SameBits(int width, int layers, int vocabulary, bool tied)
    {
        LlamaConfig config = Models.Config
            with { HiddenSize = width, LayerCount = layers, VocabularySize = vocabulary, TieWordEmbeddings = tied };
        (long Own, bool UsesGradient)[] settings =
            [(0, true), (100_000, true), (1_000_000, false), (1_000_000, true), (72 << 20, false), (72 << 20, true)];
        foreach ((long own, bool usesGradient) in settings)
        {
            using ManagedLlama again = Create(0, false), kept = Create(own, usesGradient);
            TokenGroup[] few = [Models.Group("d", 7, 5, 4, 2)], many = Models.Groups();
            foreach (bool step in (bool[])[false, true, false])
            {
                // Some passes add to what is there; some responses have no gradient, once none has.
                foreach (double[] gradient in (double[][])[Gradient, [0, -1, 0, 2, 0, 0, 0, 0, 0.75], new double[9], Gradient])
                {
                    Assert.Equal(Models.Pass(again, many, gradient), Models.Pass(kept, many, gradient));
                    Assert.Equal(Models.Pass(again, few, 1, -0.5), Models.Pass(kept, few, 1, -0.5));
                    kept.Score(few, new double[2]); // what is kept is of passes alone
                }

                Assert.Equal(again.GradientNorm(), kept.GradientNorm());
                Assert.Equal(Models.Gradients(again), Models.Gradients(kept));
                foreach (ManagedLlama policy in (ManagedLlama[])[again, kept])
                {
                    if (step)
                        policy.ApplyGradients(new AdamWStep(1, 1e-3, 1, new AdamWSettings()));
                    else
                        policy.ClearGradients();
                }

                // A pass that nothing follows leaves no trace.
                Models.Pass(kept, many);
                Assert.Equal(0, kept.GradientNorm());
                Assert.Equal(Models.Pass(again, few, 0, 2), Models.Pass(kept, few, 0, 2));
                Assert.Equal(Models.Gradients(again), Models.Gradients(kept));
                again.ClearGradients();
                kept.ClearGradients();
            }

            Assert.Equal(Models.Weights(again), Models.Weights(kept));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => new ManagedLlamaOptions { KeptActivationBytes = -1 }.Validate());

        ManagedLlama Create(long own, bool usesGradient)
        {
            ManagedLlama policy = ManagedLlama.Create(config, new() { Seed = 1, Threads = 2, KeptActivationBytes = own });
            policy.KeptValues.UsesGradient = usesGradient;
            return policy;
        }
    }

    [Fact]
    public void Backward_ZeroGradients_EqualsLeavingTheResponsesOut()
    {
        using ManagedLlama skipping = Models.Create(), without = Models.Create(), full = Models.Create();
        TokenGroup[] groups = Models.Groups();
        double[] gradient = [0, -1, 0, 2, 0, 0, 0, 0, 0.75];
        Models.Pass(skipping, groups, gradient);

        TokenGroup[] active = [Keep(groups[0], 1, 3), Keep(groups[2], 2)];
        Models.Pass(without, active, -1, 2, 0.75);
        Models.AssertClose(Models.Gradients(without), Models.Gradients(skipping), 1e-6);

        // A gradient that is tiny but not zero takes the full path.
        Models.Pass(full, groups, [.. gradient.Select(g => g == 0 ? 1e-30 : g)]);
        Models.AssertClose(Models.Gradients(full), Models.Gradients(skipping), 1e-5);
    }

    [Fact]
    public void Backward_AllZero_LeavesNoGradient()
    {
        using ManagedLlama policy = Models.Create();
        Models.Pass(policy, Models.Groups(), new double[9]);
        Assert.Equal(0, policy.GradientNorm());
    }

    [Fact]
    public void Backward_OverSeveralPasses_Accumulates()
    {
        using ManagedLlama once = Models.Create(), twice = Models.Create();
        TokenGroup[] groups = Models.Groups();
        Models.Pass(once, groups, Gradient);
        Models.Pass(twice, groups[..1], Gradient[..4]);
        Models.Pass(twice, groups[1..], Gradient[4..]);
        Models.AssertClose(Models.Gradients(once), Models.Gradients(twice), 1e-5);
        double norm = Math.Sqrt(Models.Gradients(once).Sum(g => (double)g * g));
        Assert.Equal(norm, once.GradientNorm(), norm * 1e-9);
        once.ClearGradients();
        Assert.Equal(0, once.GradientNorm());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Steps_SameThreadCount_GiveTheSameBits(int threads)
    {
        using ManagedLlama first = Models.Create(threads), second = Models.Create(threads);
        Assert.Equal(Train(first), Train(second));
        Assert.Equal(Models.Weights(first), Models.Weights(second));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void Steps_OtherThreadCounts_GiveTheSameBitsToo(int threads)
    {
        // More than the contract promises: no kernel splits a sum among threads.
        using ManagedLlama one = Models.Create(1), other = Models.Create(threads);
        Assert.Equal(Train(one), Train(other));
        Assert.Equal(Models.Weights(one), Models.Weights(other));
    }

    [Fact]
    public void Steps_ModelLargeEnoughForEveryKernelToBeSplit_GiveTheSameBits()
    {
        LlamaConfig config = Models.Config with { HiddenSize = 128, IntermediateSize = 256, VocabularySize = 3000, HeadDimension = 32 };
        using ManagedLlama one = ManagedLlama.Create(config, new() { Seed = 1, Threads = 1 }),
            three = ManagedLlama.Create(config, new() { Seed = 1, Threads = 3 });
        TokenGroup[] groups = [.. Models.Groups(), Models.Group("d", 200, 4, 40, 90)];
        double[] gradient = [.. Gradient, 0.3, -0.2];
        foreach (ManagedLlama policy in (ManagedLlama[])[one, three])
        {
            Models.Pass(policy, groups, gradient);
            policy.ApplyGradients(new AdamWStep(1, 1e-3, 1, Settings));
        }

        Assert.Equal(Models.Weights(one), Models.Weights(three));
        SamplingRequest[] requests = [new SamplingRequest { Prompt = Models.Tokens(50, 1), Count = 9, MaxNewTokens = 10, Seed = 3 }];
        foreach ((SampledResponse a, SampledResponse b) in one.Sample(requests)[0].Zip(three.Sample(requests)[0]))
        {
            Assert.Equal(a.Tokens, b.Tokens);
            Assert.Equal(a.LogProb, b.LogProb);
        }
    }

    [Fact]
    public void Score_AnyBatching_GivesTheBitsOfForward()
    {
        using ManagedLlama policy = Models.Create();
        TokenGroup[] groups = Models.Groups();
        var together = new double[9];
        policy.Score(groups, together);
        Assert.Equal(Models.Pass(policy, groups), together);
        var alone = new double[4];
        policy.Score(groups[..1], alone);
        Assert.Equal(together[..4], alone);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Steps_AfterTheFirst_AllocateNothing(int threads)
    {
        using ManagedLlama policy = Models.Create(threads);
        TokenGroup[] groups = Models.Groups();
        for (int i = 0; i < 3; i++)
            Step(policy, groups, i);
        const int Steps = 20;
        // With one thread everything happens on this one; other tests run beside this, so the whole process cannot be watched.
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Steps; i++)
            Step(policy, groups, i);
        // Each step makes its pass object; there is nothing that grows with tokens or parameters.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Steps, 0, 200);
    }

    private static void Step(ManagedLlama policy, TokenGroup[] groups, int i)
    {
        using (IForwardPass pass = policy.Forward(groups))
            pass.Backward(Gradient);
        policy.GradientNorm();
        policy.ApplyGradients(new AdamWStep(i + 1, 1e-3, 1, Settings));
    }

    private static readonly AdamWSettings Settings = new();

    private static double[] Train(ManagedLlama policy)
    {
        var all = new List<double>();
        for (int step = 1; step <= 3; step++)
        {
            all.AddRange(Models.Pass(policy, Models.Groups(), Gradient));
            all.Add(policy.GradientNorm());
            policy.ApplyGradients(new AdamWStep(step, 1e-3, 1, Settings));
        }

        return [.. all];
    }

    private static TokenGroup Keep(TokenGroup group, params int[] responses) =>
        new(group.Id, group.Prompt, [.. responses.Select(r => group.Responses[r])], new double[responses.Length]);

    private static unsafe double Loss(ManagedLlama policy, TokenGroup[] groups, double[] gradient, TestMatrix direction, float step)
    {
        float[] kept = Models.Weights(policy);
        for (int i = 0; i < kept.Length; i++)
            policy.Parameters.WritableWeights[i] += step * direction[0, i];
        var logProbs = new double[gradient.Length];
        policy.Score(groups, logProbs);
        kept.CopyTo(new Span<float>(policy.Parameters.WritableWeights, kept.Length));
        return logProbs.Zip(gradient).Sum(p => p.First * p.Second);
    }
}
