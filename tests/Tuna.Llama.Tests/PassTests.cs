using Tuna.Policies;

namespace Tuna.Llama.Tests;

public class PassTests
{
    private static readonly TokenGroup[] Groups = Batches.Random(3, 4, Tiny.Config.VocabularySize);

    private static Dictionary<string, float[]> Gradients(LlamaPolicyOptions options, IReadOnlyList<TokenGroup> groups, double[] gradient)
    {
        using LlamaPolicy policy = Tiny.Policy(options);
        using (IForwardPass pass = policy.Forward(groups))
            pass.Backward(gradient);
        return Tiny.Gradients(policy);
    }

    private static double[] SomeGradient(Func<int, bool> active) =>
        [.. Enumerable.Range(0, Groups.Sum(g => g.Responses.Count)).Select(r => active(r) ? 0.3 - (0.05 * r) : 0)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)] // half of the responses: kept graphs give way to recomputing
    [InlineData(15)]
    public void Backward_CheckpointedActivations_GivesTheSameGradients(int every)
    {
        double[] gradient = SomeGradient(r => r % every == 0);
        Tiny.AssertClose(
            Gradients(new() { Activations = ActivationMode.Keep }, Groups, gradient),
            Gradients(new() { Activations = ActivationMode.Recompute }, Groups, gradient), 1e-5);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 1)]
    [InlineData(2, 15)] // few responses are active: all layers are computed again, on their rows
    public void Backward_LayersThatTheBudgetAllowsAreKept_GivesTheGradientsOfAll(int kept, int every)
    {
        double[] gradient = SomeGradient(r => r % every == 0);
        using LlamaPolicy policy = Tiny.Policy(new() { MemoryBudget = Budget(kept) });
        using (IForwardPass pass = policy.Forward(Groups))
        {
            Assert.Equal(kept, policy.KeptLayers);
            pass.Backward(gradient);
        }

        Dictionary<string, float[]> all = Gradients(new() { Activations = ActivationMode.Keep }, Groups, gradient);
        if (every == 1)
            Assert.Equal(all, Tiny.Gradients(policy)); // the same operations, to the bit
        else
            Tiny.AssertClose(all, Tiny.Gradients(policy), 1e-5);
    }

    [Fact]
    public void Forward_BudgetBelowEverything_KeepsNothing()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { MemoryBudget = Budget(1) - 1 });
        using IForwardPass pass = policy.Forward(Groups);
        Assert.Equal(0, policy.KeptLayers);
    }

    [Fact]
    public void Backward_TwiceWithSomeLayersKept_MovesTheWeightsAsWithAll()
    {
        using LlamaPolicy some = Tiny.Policy(new() { MemoryBudget = Budget(2), Gradients = GradientMode.Recompute }),
            all = Tiny.Policy(new() { Activations = ActivationMode.Keep });
        foreach (LlamaPolicy policy in new[] { some, all })
        {
            for (int step = 1; step <= 3; step++)
            {
                using (IForwardPass pass = policy.Forward(Groups))
                    pass.Backward(SomeGradient(_ => true));
                policy.ApplyGradients(new AdamWStep(step, 1e-3, 1 / policy.GradientNorm(), new AdamWSettings()));
            }
        }

        Assert.Equal(all.WeightsHash(), some.WeightsHash());
    }

    private static long Budget(int kept)
    {
        using LlamaPolicy policy = Tiny.Policy();
        return policy.EstimateMemory(Groups, ActivationMode.Auto, keptLayers: kept).Total;
    }

    [Theory]
    [InlineData(ActivationMode.Keep)]
    [InlineData(ActivationMode.Recompute)]
    public void Backward_ZeroEntries_GivesTheGradientsOfTheOthersAlone(ActivationMode mode)
    {
        // One response of each group is active; alone in their groups they must give the same.
        var alone = Groups.Select(g => new TokenGroup(g.Id, g.Prompt, [g.Responses[2]], new double[1])).ToArray();
        double[] all = SomeGradient(r => r % 5 == 2), own = [.. all.Where(g => g != 0)];
        Tiny.AssertClose(Gradients(new() { Activations = mode }, alone, own), Gradients(new() { Activations = mode }, Groups, all), 1e-5);
    }

    [Theory]
    [InlineData(ActivationMode.Keep)]
    [InlineData(ActivationMode.Recompute)]
    public void Backward_OfTwoMicroBatches_AccumulatesTheGradientOfTheWhole(ActivationMode mode)
    {
        double[] gradient = SomeGradient(r => r != 3);
        using LlamaPolicy policy = Tiny.Policy(new() { Activations = mode });
        int first = 0;
        foreach (TokenGroup group in Groups)
        {
            using IForwardPass pass = policy.Forward([group]);
            pass.Backward(gradient.AsSpan(first, group.Responses.Count));
            first += group.Responses.Count;
        }

        Tiny.AssertClose(Gradients(new() { Activations = mode }, Groups, gradient), Tiny.Gradients(policy), 1e-5);
    }

    [Fact]
    public void Backward_AllZero_LeavesNoGradient()
    {
        using LlamaPolicy policy = Tiny.Policy();
        using (IForwardPass pass = policy.Forward(Groups))
            pass.Backward(new double[pass.Values.Length]);
        Assert.Equal(0, policy.GradientNorm());
        Assert.Null(policy.AccumulatedGradient("model.norm.weight"));
    }

    [Theory]
    [InlineData("model.layers.1.self_attn.k_proj.weight", 7)]
    [InlineData("model.layers.0.self_attn.v_proj.bias", 3)]
    [InlineData("model.layers.2.mlp.down_proj.weight", 100)]
    [InlineData("model.norm.weight", 5)]
    [InlineData("lm_head.weight", 40)]
    public void Backward_OfTheSum_MatchesFiniteDifferences(string name, int index)
    {
        using LlamaPolicy policy = Tiny.Policy();
        double[] gradient = SomeGradient(_ => true);
        using (IForwardPass pass = policy.Forward(Groups))
            pass.Backward(gradient);
        double analytic = policy.AccumulatedGradient(name)![index];
        // In single precision the difference is noisy: a step of 1e-2 and a tolerance of 1% of the derivative's size, at least 5e-3.
        double numeric = (At(0.01f) - At(-0.01f)) / 0.02;
        Assert.True(Math.Abs(analytic - numeric) <= Math.Max(0.02 * Math.Abs(analytic), 0.01),
            $"{name}[{index}]: {analytic}, by differences {numeric}");

        double At(float by)
        {
            using IDisposable mode = torch.no_grad();
            using torch.Tensor weight = policy.Model.named_parameters().Single(p => p.name == name).parameter.view(-1).narrow(0, index, 1);
            weight.add_(by);
            var logProbs = new double[gradient.Length];
            policy.Score(Groups, logProbs);
            weight.sub_(by);
            return logProbs.Zip(gradient, (l, g) => l * g).Sum();
        }
    }

    [Fact]
    public void LogProbs_OfAPass_AreThoseOfScore()
    {
        using LlamaPolicy policy = Tiny.Policy();
        var scores = new double[Groups.Sum(g => g.Responses.Count)];
        policy.Score(Groups, scores);
        using IForwardPass pass = policy.Forward(Groups);
        for (int r = 0; r < scores.Length; r++)
            Assert.Equal(scores[r], pass.Values[r], 1e-4);
    }

    [Fact]
    public void Forward_WhileAPassIsOpen_Throws()
    {
        using LlamaPolicy policy = Tiny.Policy();
        using IForwardPass open = policy.Forward(Groups);
        Assert.Throws<InvalidOperationException>(() => policy.Forward(Groups));
    }

    [Fact]
    public void Backward_Twice_Throws()
    {
        using LlamaPolicy policy = Tiny.Policy();
        using IForwardPass pass = policy.Forward(Groups);
        var gradient = new double[pass.Values.Length];
        pass.Backward(gradient);
        Assert.Throws<InvalidOperationException>(() => pass.Backward(gradient));
    }

    [Fact]
    public void Forward_Cancelled_ThrowsAndLeavesThePolicyUsable()
    {
        using LlamaPolicy policy = Tiny.Policy();
        Assert.ThrowsAny<OperationCanceledException>(() => policy.Forward(Groups, new CancellationToken(canceled: true)));
        using IForwardPass pass = policy.Forward(Groups);
        Assert.All(pass.Values.ToArray(), l => Assert.True(l < 0));
    }

    [Theory]
    [InlineData(ActivationMode.Keep)]
    [InlineData(ActivationMode.Recompute)]
    public void Train_FiftySteps_HoldsNoMoreTensorsThanTwo(ActivationMode mode)
    {
        using LlamaPolicy policy = Tiny.Policy(new() { Activations = mode });
        long afterTwo = 0, afterFifty = 0;
        for (int step = 1; step <= 50; step++)
        {
            Batches.Train(policy, Tiny.Loss, Batches.Random(2, 3, Tiny.Config.VocabularySize, (ulong)step), step, 1e-4);
            policy.GradientNorm();
            if (step == 2)
                afterTwo = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            if (step == 50)
                afterFifty = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }

        Assert.Equal(afterTwo, afterFifty);
    }

    [Fact]
    public void Sample_Repeatedly_HoldsNoTensors()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { Trainable = false });
        var request = new SamplingRequest { Prompt = new[] { 5, 6 }, Count = 3, MaxNewTokens = 6 };
        policy.Sample([request]);
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (ulong seed = 0; seed < 5; seed++)
            policy.Sample([request with { Seed = seed }]);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
