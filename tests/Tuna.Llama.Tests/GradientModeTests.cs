using Tuna.Llama.Lora;
using Tuna.Losses;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

public sealed class GradientModeTests : IDisposable
{
    private static readonly LlamaConfig Tied = Tiny.Config with { TieWordEmbeddings = true };

    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string, LlamaPolicyOptions> Settings => new()
    {
        { "untied", new() { Activations = ActivationMode.Keep } },
        { "untied", new() { Activations = ActivationMode.Recompute } },
        { "tied", new() { Activations = ActivationMode.Keep } },
        { "tied", new() { Moments = MomentPrecision.EightBit } },
        { "untied", new() { ComputeType = TensorDType.BF16 } },
        { "untied", new() { Lora = new LoraOptions { Rank = 4, Alpha = 8, Dropout = 0.2 } } },
        {
            "untied", new()
            {
                ParameterGroups =
                [
                    ParameterGroup.NoDecayForNormsAndBiases,
                    new(name => name.Contains("down_proj", StringComparison.Ordinal)) { LearningRateFactor = 0 },
                ],
            }
        },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public void Train_RecomputedGradients_TakesTheStepsOfKeptOnes(string tied, LlamaPolicyOptions options)
    {
        (double[] Norms, ulong Hash) kept = Run(GradientMode.Keep), recomputed = Run(GradientMode.Recompute);
        Assert.Equal(kept.Norms, recomputed.Norms);
        Assert.Equal(kept.Hash, recomputed.Hash);

        (double[] Norms, ulong Hash) Run(GradientMode mode)
        {
            using LlamaPolicy policy = LlamaPolicy.Create(tied == "tied" ? Tied : Tiny.Config, options with { Gradients = mode });
            var norms = new List<double>();
            for (int step = 1; step <= 4; step++)
            {
                TokenGroup[] groups = Batches.Random(1 + (step % 2), 4, Tiny.Config.VocabularySize, (ulong)step);
                using (IForwardPass pass = policy.Forward(groups))
                {
                    double[] gradient = Batches.Gradient(Tiny.Loss, groups, pass.Values, out _);
                    for (int r = 0; step > 2 && r < gradient.Length; r++)
                        gradient[r] = r % step == 1 ? 0.1 : 0; // most responses are satisfied
                    pass.Backward(gradient);
                }

                norms.Add(policy.GradientNorm());
                policy.ApplyGradients(new AdamWStep(step, 1e-2, Math.Min(1, 0.5 / norms[^1]), new AdamWSettings()));
                Assert.Equal(0, policy.GradientNorm());
            }

            return ([.. norms], policy.WeightsHash());
        }
    }

    [Fact]
    public void Train_StepsOfSeveralPasses_TakesTheStepsOfKeptGradients()
    {
        Assert.Equal(Run(GradientMode.Keep), Run(GradientMode.Recompute));

        static (double, ulong) Run(GradientMode mode)
        {
            using LlamaPolicy policy = Tiny.Policy(new() { Gradients = mode });
            for (int step = 1; step <= 3; step++)
            {
                for (int pass = 0; pass < step; pass++)
                    Batches.Accumulate(policy, Tiny.Loss, Batches.Random(2, 3, Tiny.Config.VocabularySize, (ulong)((10 * step) + pass)));
                policy.ApplyGradients(new AdamWStep(step, 1e-2, 1, new AdamWSettings()));
            }

            return (policy.GradientNorm(), policy.WeightsHash());
        }
    }

    [Fact]
    public void AccumulatedGradient_WhileItWaits_IsThatOfKeptOnes()
    {
        TokenGroup[] groups = Batches.Random(2, 3, Tiny.Config.VocabularySize);
        using LlamaPolicy kept = Tiny.Policy(), recomputed = Tiny.Policy(new() { Gradients = GradientMode.Recompute });
        Batches.Accumulate(kept, Tiny.Loss, groups);
        using (IForwardPass pass = recomputed.Forward(groups))
        {
            pass.Backward(Batches.Gradient(Tiny.Loss, groups, pass.Values, out _));
            Tiny.AssertClose(Tiny.Gradients(kept), Tiny.Gradients(recomputed), 0); // also before the pass is disposed
        }

        Tiny.AssertClose(Tiny.Gradients(kept), Tiny.Gradients(recomputed), 0);
    }

    [Fact]
    public void SaveTrainingState_WhileAGradientWaits_GoesOnAsIfNothingHadHappened()
    {
        TokenGroup[] first = Batches.Random(2, 3, Tiny.Config.VocabularySize), second = Batches.Random(1, 4, Tiny.Config.VocabularySize, 7);
        using LlamaPolicy whole = Tiny.Policy(), stopped = Tiny.Policy(new() { Gradients = GradientMode.Recompute }),
            resumed = Tiny.Policy(new() { Gradients = GradientMode.Recompute, Seed = 5 });
        Batches.Accumulate(stopped, Tiny.Loss, first);
        stopped.SaveModel(_folder);
        stopped.SaveTrainingState(_folder);
        resumed.LoadTrainingState(_folder);
        Assert.Equal(Rest(whole, first), Rest(resumed));

        ulong Rest(LlamaPolicy policy, TokenGroup[]? groups = null)
        {
            if (groups is not null)
                Batches.Accumulate(policy, Tiny.Loss, groups);
            policy.ApplyGradients(new AdamWStep(1, 1e-2, 1, new AdamWSettings()));
            Batches.Train(policy, Tiny.Loss, second, 2);
            return policy.WeightsHash();
        }
    }

    [Fact]
    public void ClearGradients_WhileOneWaits_ForgetsIt()
    {
        TokenGroup[] groups = Batches.Random(2, 3, Tiny.Config.VocabularySize);
        using LlamaPolicy kept = Tiny.Policy(), recomputed = Tiny.Policy(new() { Gradients = GradientMode.Recompute });
        using (IForwardPass pass = recomputed.Forward(groups))
        {
            pass.Backward(Batches.Gradient(Tiny.Loss, groups, pass.Values, out _));
            recomputed.ClearGradients();
        }

        Assert.Equal(0, recomputed.GradientNorm());
        Batches.Train(kept, Tiny.Loss, groups, 1);
        Batches.Train(recomputed, Tiny.Loss, groups, 1);
        Assert.Equal(kept.WeightsHash(), recomputed.WeightsHash());
    }

    [Fact]
    public void ApplyGradients_ThatWouldOverflow_NamesTheParameterAndChangesNothing()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { Gradients = GradientMode.Recompute });
        ulong before = policy.WeightsHash();
        Batches.Accumulate(policy, Tiny.Loss, Batches.Random(2, 3, Tiny.Config.VocabularySize));
        NonFiniteStepException error =
            Assert.Throws<NonFiniteStepException>(() => policy.ApplyGradients(new AdamWStep(1, 1e39, 1, new AdamWSettings())));
        Assert.Contains("weight", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, policy.WeightsHash());
        Assert.True(policy.GradientNorm() > 0);
    }

    [Fact]
    public void Train_ManySteps_HoldsNoMoreTensorsThanTwo()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { Gradients = GradientMode.Recompute });
        long afterTwo = 0;
        for (int step = 1; step <= 20; step++)
        {
            Batches.Accumulate(policy, Tiny.Loss, Batches.Random(2, 3, Tiny.Config.VocabularySize, (ulong)step));
            if (step % 3 == 0)
                policy.ClearGradients();
            else
                policy.ApplyGradients(new AdamWStep(step, 1e-4, 1, new AdamWSettings()));
            if (step == 2)
                afterTwo = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }

        Assert.Equal(afterTwo, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Dispose_WhileAGradientWaits_EndsThePassToo()
    {
        LlamaPolicy policy = Tiny.Policy(new() { Gradients = GradientMode.Recompute });
        IForwardPass pass = policy.Forward(Batches.Random(2, 3, Tiny.Config.VocabularySize));
        pass.Backward([.. Enumerable.Repeat(0.1, pass.Values.Length)]);
        policy.Dispose();
        pass.Dispose();
        policy.Dispose();
        Assert.Throws<ObjectDisposedException>(() => policy.GradientNorm());
    }

    [Fact]
    public void Train_RewardModelWithRecomputedGradients_TakesTheStepsOfKeptOnes()
    {
        var loss = new PairwiseLogisticLoss();
        Assert.Equal(Run(GradientMode.Keep), Run(GradientMode.Recompute));

        ulong Run(GradientMode mode)
        {
            using LlamaRewardModel model = LlamaRewardModel.Create(Tiny.Config with { ScalarHead = true }, new() { Gradients = mode });
            for (int step = 1; step <= 3; step++)
                Batches.Train(model, loss, Batches.Random(2, 3, Tiny.Config.VocabularySize, (ulong)step), step);
            return model.WeightsHash();
        }
    }
}
