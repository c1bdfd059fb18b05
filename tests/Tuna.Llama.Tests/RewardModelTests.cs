using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Tests.Golden;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Llama.Tests;

public class RewardModelTests
{
    private static readonly TokenGroup[] Groups = Batches.Random(3, 4, Tiny.Config.VocabularySize);
    private static readonly PairwiseLogisticLoss Loss = new();

    private static LlamaRewardModel Model(LlamaPolicyOptions? options = null) => LlamaRewardModel.Create(Tiny.Config, options);

    private static double[] Rewards(IResponseScorer model, TokenGroup[]? groups = null)
    {
        var rewards = new double[(groups ?? Groups).Sum(g => g.Responses.Count)];
        model.Score(groups ?? Groups, rewards);
        return rewards;
    }

    [Fact]
    public void Score_OfAResponse_IsTheHeadOnItsLastToken()
    {
        using LlamaRewardModel model = Model();
        double[] rewards = Rewards(model);
        float[] head = model.Model.named_parameters().Single(p => p.name == "score.weight").parameter.data<float>().ToArray();
        int r = 0;
        foreach (TokenGroup group in Groups)
        {
            foreach (ReadOnlyMemory<int> response in group.Responses)
            {
                int[] tokens = [.. group.Prompt.Span, .. response.Span];
                var states = new float[tokens.Length * head.Length];
                model.HiddenStates(tokens, Tiny.Config.LayerCount, states);
                double expected = head.Select((w, i) => (double)w * states[^(head.Length - i)]).Sum();
                Assert.Equal(expected, rewards[r++], 1e-4);
            }
        }
    }

    [Fact]
    public void Model_OfPaddedSequences_GivesTheRewardAtEachPlace()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using LlamaRewardModel model = Model();
        TokenGroup group = Groups[0];
        int[] tokens = [.. group.Prompt.Span, .. group.Responses[0].Span];
        torch.Tensor ids = torch.tensor([.. tokens, 0, 0], torch.ScalarType.Int64).view(1, -1);
        torch.Tensor rewards = model.Model.call(ids);
        Assert.Equal([1L, tokens.Length + 2], rewards.shape);
        Assert.Equal(Rewards(model)[0], rewards[0, tokens.Length - 1].item<float>(), 1e-4);
        rewards.sum().backward();
        Assert.All(model.Model.named_parameters(), p => Assert.False(p.parameter.grad is null, p.name));
    }

    public static TheoryData<string, ActivationMode, bool> Cases => new()
    {
        { "llama1_mha", ActivationMode.Keep, false },
        { "llama1_mha", ActivationMode.Recompute, true },
        { "llama3_gqa", ActivationMode.Keep, true },
        { "llama3_gqa", ActivationMode.Recompute, false },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void TwoEngines_SameCheckpointAndBatch_AgreeOnRewardsLossGradientsAndTenSteps(string name, ActivationMode mode,
        bool wholeRanking)
    {
        IRankingLoss loss = wholeRanking ? ListMleLoss.OnRawValues() : Loss;
        using var folders = new TempFolder();
        using LlamaRewardModel torchModel = LlamaRewardModel.Load(GoldenData.FilePath("models", name), new()
        {
            ComputeType = TensorDType.F32,
            SavedType = TensorDType.F32,
            Activations = mode,
            Seed = 5,
        });
        string start = Directory.CreateDirectory(folders["start"]).FullName;
        torchModel.SaveModel(start);
        using var managed = Managed.ManagedRewardModel.Load(start);
        TokenGroup[] groups = new GoldenRun(name, "paper").Groups;
        for (int step = 1; step <= 10; step++)
        {
            double[] expected = Rewards(managed, groups), actual = Rewards(torchModel, groups);
            double largest = expected.Max(Math.Abs);
            for (int r = 0; r < expected.Length; r++)
                GoldenModels.AssertClose(expected[r], actual[r], 1e-4 * largest, $"reward {r} before step {step}");
            double b = Batches.Accumulate(managed, loss, groups), a = Batches.Accumulate(torchModel, loss, groups);
            GoldenModels.AssertClose(b, a, 1e-4 * Math.Abs(b), $"loss before step {step}");
            double norm = managed.GradientNorm();
            GoldenModels.AssertClose(norm, torchModel.GradientNorm(), 1e-4 * norm, $"gradient norm at step {step}");
            if (step == 1)
                EngineComparison.Gradients(torchModel, managed, folders);
            managed.ApplyGradients(new AdamWStep(step, 1e-3, 1, new AdamWSettings()));
            torchModel.ApplyGradients(new AdamWStep(step, 1e-3, 1, new AdamWSettings()));
        }

        using LlamaRewardModel untrained = LlamaRewardModel.Load(start);
        double first = Batches.Accumulate(untrained, loss, groups);
        Assert.True(Batches.Accumulate(torchModel, loss, groups) < 0.9 * first, "ten steps learned nothing");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Backward_SomeResponses_GivesTheSameGradientsKeptRecomputedAndAlone(int every)
    {
        double[] gradient = [.. Enumerable.Range(0, 15).Select(r => r % every == 0 ? 0.3 - (0.05 * r) : 0)];
        Dictionary<string, float[]> Run(ActivationMode mode, TokenGroup[] groups, double[] gradient)
        {
            using LlamaRewardModel model = Model(new() { Activations = mode });
            using (IForwardPass pass = model.Forward(groups))
                pass.Backward(gradient);
            return Tiny.Gradients(model);
        }

        TokenGroup[] alone = [.. Groups.SelectMany((g, i) => g.Responses.Where((_, k) => gradient[(5 * i) + k] != 0)
            .Select(r => new TokenGroup(g.Id, g.Prompt, [r], new double[1])))];
        Dictionary<string, float[]> kept = Run(ActivationMode.Keep, Groups, gradient);
        Tiny.AssertClose(kept, Run(ActivationMode.Recompute, Groups, gradient), 1e-5);
        Tiny.AssertClose(kept, Run(ActivationMode.Keep, alone, [.. gradient.Where(g => g != 0)]), 1e-5);
        Assert.All(kept["score.weight"], g => Assert.NotEqual(0, g));
        Assert.DoesNotContain("lm_head.weight", kept.Keys);
    }

    [Theory]
    [InlineData(TensorDType.F32)]
    [InlineData(TensorDType.BF16)]
    public void SaveModel_ThenLoad_GivesTheSameRewardsInBothEngines(TensorDType type)
    {
        using var folder = new TempFolder();
        using LlamaRewardModel model = LlamaRewardModel.Create(Tiny.WithoutBiases, new() { SavedType = type });
        model.SaveModel(folder.Root);
        using LlamaRewardModel loaded = LlamaRewardModel.Load(folder.Root, new() { Seed = 9 });
        using var managed = Managed.ManagedRewardModel.Load(folder.Root, new() { Seed = 9 });
        double[] expected = Rewards(loaded), other = Rewards(managed);
        if (type == TensorDType.F32)
            Assert.Equal(Rewards(model), expected);
        for (int r = 0; r < expected.Length; r++)
            Assert.Equal(expected[r], other[r], 1e-4);
        using CheckpointReader reader = CheckpointReader.Open(folder.Root);
        Assert.Equal([1L, 32L], reader["score.weight"].Shape);
        Assert.DoesNotContain("lm_head.weight", reader.Names);
        Assert.True(LlamaConfig.Load(folder.Root).ScalarHead);
    }

    [Fact]
    public void Load_APolicy_TakesItsBodyAndAFreshHeadOfTheSeed()
    {
        using var folder = new TempFolder();
        using LlamaPolicy policy = Tiny.Policy();
        policy.SaveModel(folder.Root);
        using LlamaRewardModel a = LlamaRewardModel.Load(folder.Root, new() { Seed = 1 }),
            b = LlamaRewardModel.Load(folder.Root, new() { Seed = 2 }), c = LlamaRewardModel.Load(folder.Root, new() { Seed = 1 });
        Assert.NotEqual(Rewards(a), Rewards(b));
        Assert.Equal(Rewards(a), Rewards(c));
        int[] tokens = [1, 30, 4];
        float[] expected = new float[3 * 32], actual = new float[3 * 32];
        policy.HiddenStates(tokens, 3, expected);
        a.HiddenStates(tokens, 3, actual);
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void Load_WrongHeadOrNone_NamesIt()
    {
        using var folder = new TempFolder();
        using LlamaPolicy policy = Tiny.Policy();
        policy.SaveModel(folder.Root);
        (Tiny.Config with { ScalarHead = true }).Save(folder.Root); // calls itself a reward model, and has no head
        Assert.Contains("score.weight", Assert.Throws<InvalidDataException>(() => LlamaRewardModel.Load(folder.Root)).Message,
            StringComparison.Ordinal);

        using var second = new TempFolder();
        CheckpointWriter.Write(second.Root,
            [.. Tiny.Config.Parameters().Select(p => new TensorSpec(p.Name, TensorDType.F32, p.Shape)),
            new TensorSpec("score.weight", TensorDType.F32, [2, 32])],
            (writer, spec) => writer.Write(spec.Name, new float[spec.Shape.Aggregate(1L, (a, b) => a * b)]));
        Tiny.Config.Save(second.Root);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => LlamaRewardModel.Load(second.Root));
        Assert.Contains("score.weight", e.Message, StringComparison.Ordinal);
        Assert.Contains("[2, 32]", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ARewardModelAsAPolicy_SaysWhatItIs()
    {
        using var folder = new TempFolder();
        using (LlamaRewardModel model = LlamaRewardModel.Create(Tiny.WithoutBiases))
            model.SaveModel(folder.Root);
        Assert.Contains(nameof(LlamaRewardModel), Assert.Throws<NotSupportedException>(() => LlamaPolicy.Load(folder.Root)).Message,
            StringComparison.Ordinal);
        Assert.Contains("ManagedRewardModel", Assert.Throws<NotSupportedException>(() => Managed.ManagedLlama.Load(folder.Root)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void WrongShapesAndIds_AreExceptions()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using LlamaRewardModel model = Model();
        TokenGroup bad = new("the group", new[] { 1 }, [new[] { 97 }], new double[1]);
        Assert.Contains("the group", Assert.Throws<ArgumentException>(() => model.Score([bad], new double[1])).Message,
            StringComparison.Ordinal);
        Assert.Contains("the group", Assert.Throws<ArgumentException>(() => model.Forward([bad])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.Score(Groups, new double[3]));
        Assert.Throws<ArgumentException>(() => model.Model.call(torch.zeros(3, torch.ScalarType.Int64)));
        using IForwardPass pass = model.Forward(Groups);
        Assert.Throws<ArgumentException>(() => pass.Backward(new double[3]));
        Assert.Throws<ArgumentException>(() => pass.Backward([double.NaN, .. new double[14]]));
        Assert.Throws<InvalidOperationException>(() => model.ApplyGradients(new AdamWStep(1, 1, 1, new AdamWSettings())));
    }

    [Theory]
    [InlineData(ActivationMode.Keep)]
    [InlineData(ActivationMode.Recompute)]
    public void Train_FiftySteps_HoldsNoMoreTensorsThanTwo(ActivationMode mode)
    {
        using LlamaRewardModel model = Model(new() { Activations = mode });
        long afterTwo = 0;
        for (int step = 1; step <= 50; step++)
        {
            TokenGroup[] groups = Batches.Random(2, 3, Tiny.Config.VocabularySize, (ulong)step);
            Batches.Train(model, Loss, groups, step, 1e-4);
            Rewards(model, groups);
            if (step == 2)
                afterTwo = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        }

        Assert.Equal(afterTwo, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Score_Bf16_KeepsRewardsInSinglePrecision()
    {
        using LlamaRewardModel exact = Model(), rounded = Model(new() { ComputeType = TensorDType.BF16 });
        double[] a = Rewards(exact), b = Rewards(rounded);
        double largest = a.Max(Math.Abs);
        Assert.All(a.Zip(b), x => Assert.InRange(Math.Abs(x.First - x.Second), 0, 0.05 * largest));
        Assert.Contains(b, r => BitConverter.SingleToUInt32Bits((float)r) << 16 != 0); // more bits than BF16 has
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LoadTrainingState_MidStep_ContinuesToTheSameBits(bool lora)
    {
        var options = new LlamaPolicyOptions
        {
            ComputeType = TensorDType.BF16,
            SavedType = TensorDType.BF16,
            Lora = lora ? Tiny.Lora with { Dropout = 0.2 } : null,
            Seed = 4,
        };
        using var folder = new TempFolder();
        using LlamaRewardModel whole = Model(options), resumed = Model(options);
        Batches.Train(whole, Loss, Groups, 1);
        Batches.Accumulate(whole, Loss, Groups);
        whole.SaveModel(folder.Root);
        whole.SaveTrainingState(folder.Root);
        resumed.LoadTrainingState(folder.Root);
        foreach (LlamaRewardModel model in new[] { whole, resumed })
            Batches.Train(model, Loss, Groups, 2);
        Assert.Equal(Rewards(whole), Rewards(resumed));
    }

    [Fact]
    public void EstimateMemory_WeightsAndOptimizer_AreWhatIsAllocated()
    {
        foreach (TensorDType type in new[] { TensorDType.F32, TensorDType.BF16 })
        {
            using LlamaRewardModel model = Model(new() { ComputeType = type, Lora = Tiny.Lora });
            using var folder = new TempFolder();
            Batches.Train(model, Loss, Groups, 1);
            model.SaveTrainingState(folder.Root);
            MemoryEstimate estimate = model.EstimateMemory(Groups, ActivationMode.Keep);
            using SafetensorsFile state = SafetensorsFile.Open(folder["torch_training_state.safetensors"]);
            Assert.Equal(model.Model.parameters().Sum(p => p.numel() * p.ElementSize), estimate.Weights);
            Assert.Equal(state.Tensors.Values.Where(t => t.Name.StartsWith("exp_avg", StringComparison.Ordinal)).Sum(t => t.ByteLength),
                estimate.Moments);
            Assert.Equal(0, estimate.Head);
        }
    }
}
