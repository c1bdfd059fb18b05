using System.Text.Json;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Lora;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Llama.Tests;

public class LoraTests
{
    private static readonly TokenGroup[] Groups = Batches.Random(2, 3, Tiny.Config.VocabularySize, 5);

    private static double[] Scores(LlamaPolicy policy)
    {
        var scores = new double[Groups.Sum(g => g.Responses.Count)];
        policy.Score(Groups, scores);
        return scores;
    }

    private static void AssertSame(double[] expected, double[] actual, double tolerance = 1e-3)
    {
        for (int r = 0; r < expected.Length; r++)
            Assert.Equal(expected[r], actual[r], tolerance);
    }

    [Fact]
    public void Create_FreshAdapters_ChangeNothing()
    {
        using LlamaPolicy plain = Tiny.Policy(), adapted = Tiny.Policy(new() { Lora = Tiny.Lora });
        AssertSame(Scores(plain), Scores(adapted), 1e-5);
    }

    [Fact]
    public void Train_WithAdapters_MovesThemAndNothingElse()
    {
        using LlamaPolicy plain = Tiny.Policy(), adapted = Tiny.AdaptedPolicy();
        Dictionary<string, float[]> before = plain.Model.named_parameters()
            .ToDictionary(p => p.name, p => p.parameter.data<float>().ToArray());
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in adapted.Model.named_parameters())
        {
            bool adapter = name.Contains("lora_", StringComparison.Ordinal);
            Assert.Equal(adapter, parameter.requires_grad);
            if (!adapter)
                Assert.Equal(before[name], parameter.data<float>().ToArray());
        }

        Assert.True(Scores(plain).Zip(Scores(adapted), (a, b) => Math.Abs(a - b)).Max() > 0.01);
    }

    [Fact]
    public void SaveModel_Merged_EqualsUnmerged()
    {
        using var folder = new TempFolder();
        using LlamaPolicy adapted = Tiny.AdaptedPolicy(config: Tiny.WithoutBiases);
        adapted.SaveModel(folder.Root);
        using LlamaPolicy merged = LlamaPolicy.Load(folder.Root);
        AssertSame(Scores(adapted), Scores(merged));
        using var managed = Managed.ManagedLlama.Load(folder.Root);
        var scores = new double[Groups.Sum(g => g.Responses.Count)];
        managed.Score(Groups, scores);
        AssertSame(Scores(adapted), scores);
    }

    [Fact]
    public void SaveAdapter_LoadedIntoTheBase_GivesTheSameModel()
    {
        using var folder = new TempFolder();
        using LlamaPolicy adapted = Tiny.AdaptedPolicy();
        adapted.SaveAdapter(folder.Root, "base/model");
        LoraOptions options = LlamaPolicy.ReadAdapterOptions(folder.Root);
        Assert.Equal((4, 8.0), (options.Rank, options.Alpha));
        using LlamaPolicy loaded = Tiny.Policy(new() { Lora = options });
        loaded.LoadAdapter(folder.Root);
        Assert.Equal(Scores(adapted), Scores(loaded));
    }

    [Fact]
    public void SaveAdapter_Files_HavePeftsNamesAndConfig()
    {
        using var folder = new TempFolder();
        using LlamaPolicy adapted = Tiny.AdaptedPolicy(Tiny.Lora with { TargetModules = ["q_proj", "down_proj"] });
        adapted.SaveAdapter(folder.Root);
        using SafetensorsFile file = SafetensorsFile.Open(folder["adapter_model.safetensors"]);
        string[] expected = [.. Enumerable.Range(0, Tiny.Config.LayerCount)
            .SelectMany(l => new[] { "self_attn.q_proj", "mlp.down_proj" }.SelectMany(m =>
            new[] { "A", "B" }.Select(ab => $"base_model.model.model.layers.{l}.{m}.lora_{ab}.weight")))];
        Assert.Equal(expected.Order(StringComparer.Ordinal), file.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([4L, 32L], file["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"].Shape);
        Assert.Equal([32L, 4L], file["base_model.model.model.layers.0.mlp.down_proj.lora_B.weight"].Shape);
        using JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(folder["adapter_config.json"]));
        Assert.Equal(("LORA", 4, 8, "CAUSAL_LM"),
            (config.RootElement.GetProperty("peft_type").GetString(), config.RootElement.GetProperty("r").GetInt32(),
            config.RootElement.GetProperty("lora_alpha").GetInt32(), config.RootElement.GetProperty("task_type").GetString()));
    }

    [Fact]
    public void LoadAdapter_OfAnotherRank_SaysWhatDiffers()
    {
        using var folder = new TempFolder();
        using LlamaPolicy adapted = Tiny.AdaptedPolicy();
        adapted.SaveAdapter(folder.Root);
        using LlamaPolicy other = Tiny.Policy(new() { Lora = Tiny.Lora with { Rank = 2 } });
        Assert.Contains("rank 4", Assert.Throws<InvalidDataException>(() => other.LoadAdapter(folder.Root)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 8, 0, "Rank")]
    [InlineData(4, 0, 0, "Alpha")]
    [InlineData(4, 8, 1, "Dropout")]
    public void Validate_OutOfRange_NamesTheSetting(int rank, double alpha, double dropout, string name) =>
        Assert.Contains(name, Assert.Throws<ArgumentOutOfRangeException>(() =>
            new LoraOptions { Rank = rank, Alpha = alpha, Dropout = dropout }.Validate()).Message, StringComparison.Ordinal);

    [Fact]
    public void Validate_UnknownModule_NamesTheChoices() =>
        Assert.Contains("q_proj", Assert.Throws<ArgumentException>(() => new LoraOptions { TargetModules = ["wq"] }.Validate()).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Backward_WithDropout_RecomputedRowsDrawTheSameMasks(int every)
    {
        Dictionary<string, float[]> Run(ActivationMode mode)
        {
            using LlamaPolicy policy = Tiny.Policy(new() { Activations = mode, Lora = Tiny.Lora with { Dropout = 0.4 }, Seed = 3 });
            // B starts at zero, so that a first step is needed before A has a gradient.
            Batches.Train(policy, Tiny.Loss, Groups, 1, 1e-2);
            using (IForwardPass pass = policy.Forward(Groups))
                pass.Backward([.. Enumerable.Range(0, pass.Values.Length).Select(r => r % every == 0 ? 0.2 : 0)]);
            return Tiny.Gradients(policy);
        }

        // a first AdamW step is a sign, which magnifies rounding
        Tiny.AssertClose(Run(ActivationMode.Keep), Run(ActivationMode.Recompute), 2e-3);
    }

    /// <summary>The stacked products against autograd's record of each projection by itself, for any choice of projections.</summary>
    [Theory]
    [InlineData("q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj")]
    [InlineData("q_proj,v_proj")]
    [InlineData("k_proj,up_proj,o_proj")]
    [InlineData("gate_proj,up_proj,down_proj")]
    public void Backward_OfSomeProjections_HasAutogradsGradients(string modules)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        // a scale that is no power of two
        using LlamaPolicy policy = Tiny.AdaptedPolicy(Tiny.Lora with { Alpha = 6, TargetModules = modules.Split(',') });
        int[] prompt = [3, 4, 5], response = [6, 7, 8, 9];
        for (int pass = 1; pass <= 2; pass++) // the second is added to the first
        {
            using IForwardPass forward = policy.Forward([new TokenGroup("group", prompt, [response], new double[1])]);
            forward.Backward([0.7]);
        }

        Dictionary<string, float[]> actual = Tiny.Gradients(policy);
        using torch.Tensor ids = torch.tensor(Array.ConvertAll([.. prompt, .. response], t => (long)t)).unsqueeze(0);
        torch.Tensor logs = torch.nn.functional.log_softmax(policy.Model.forward(ids), 2).squeeze(0)
            .narrow(0, prompt.Length - 1, response.Length);
        (logs.gather(1, torch.tensor(Array.ConvertAll(response, t => (long)t)).unsqueeze(1)).sum() * (2 * 0.7)).backward();
        var expected = policy.Model.named_parameters().Where(p => p.parameter.requires_grad)
            .ToDictionary(p => p.name, p => p.parameter.grad!.contiguous().data<float>().ToArray());
        Assert.Equal(2 * Tiny.Config.LayerCount * modules.Split(',').Length, expected.Count);
        Tiny.AssertClose(expected, actual, 1e-4);
    }

    [Fact]
    public void Forward_WithDropout_DrawsOtherMasksInEachPass()
    {
        using LlamaPolicy policy = Tiny.AdaptedPolicy(Tiny.Lora with { Dropout = 0.5 });
        double[] Pass()
        {
            using IForwardPass pass = policy.Forward(Groups);
            return pass.Values.ToArray();
        }

        Assert.NotEqual(Pass(), Pass());
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void Dropout_Masks_KeepTheirShareInEveryRowAndColumnAndDifferByProjection(double p)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        const int N = 400;
        torch.Tensor ones = torch.ones(N, N);
        var dropout = new Model.AdapterDropout(p, 7, N, null, new Tensors.HostLink());
        torch.Tensor a = dropout.Apply(ones, 0), b = dropout.Apply(ones, 1);
        // Five standard deviations of a mean of N (or N^2) draws that are 0 or 1 / (1 - p).
        double sd = Math.Sqrt(p / (1 - p));
        Assert.Equal(1, a.mean().item<float>(), 5 * sd / N);
        foreach (long dim in new long[] { 0, 1 })
            Assert.True((a.mean([dim]) - 1).abs().max().item<float>() < 5 * sd / Math.Sqrt(N), $"dimension {dim}");
        // Neighbours and other projections are independent: the mean of the products is that of the means.
        foreach (torch.Tensor other in new[] { b, a.roll(1, 0), a.roll(1, 1) })
            Assert.Equal(1, (a * other).mean().item<float>(), 5 * Math.Sqrt((1 / ((1 - p) * (1 - p))) - 1) / N);
    }

    [Fact]
    public void RewardModel_WithAdapters_TrainsThemAndItsHeadAndSavesBoth()
    {
        LlamaPolicyOptions options = new() { Lora = Tiny.Lora with { TargetModules = ["q_proj"] }, SavedType = TensorDType.F32 };
        using var folders = new TempFolder();
        using LlamaRewardModel model = LlamaRewardModel.Create(Tiny.Config, options),
            loaded = LlamaRewardModel.Create(Tiny.Config, options);
        float[] Head(LlamaRewardModel m) =>
            m.Model.named_parameters().Single(p => p.name == "score.weight").parameter.data<float>().ToArray();
        double[] Rewards(IResponseScorer m)
        {
            var rewards = new double[8];
            m.Score(Groups, rewards);
            return rewards;
        }

        Assert.Equal(Rewards(model), Rewards(loaded));
        Assert.All(model.Model.named_parameters(),
            p => Assert.Equal(p.name == "score.weight" || p.name.Contains("lora_", StringComparison.Ordinal), p.parameter.requires_grad));
        for (int step = 1; step <= 3; step++)
            Batches.Train(model, new Tuna.Losses.PairwiseLogisticLoss(), Groups, step, 1e-2);
        Assert.NotEqual(Head(model), Head(loaded));
        Assert.NotEqual(Rewards(model), Rewards(loaded));

        string adapter = Directory.CreateDirectory(folders["adapter"]).FullName,
            merged = Directory.CreateDirectory(folders["merged"]).FullName;
        model.SaveAdapter(adapter);
        using (SafetensorsFile file = SafetensorsFile.Open(Path.Combine(adapter, "adapter_model.safetensors")))
            Assert.Equal([1L, 32L], file["base_model.model.score.weight"].Shape);
        using (JsonDocument config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(adapter, "adapter_config.json"))))
            Assert.Equal(("SEQ_CLS", "score"),
                (config.RootElement.GetProperty("task_type").GetString(),
                config.RootElement.GetProperty("modules_to_save")[0].GetString()));
        loaded.LoadAdapter(adapter);
        Assert.Equal(Rewards(model), Rewards(loaded));

        model.SaveModel(merged);
        using LlamaRewardModel whole = LlamaRewardModel.Load(merged);
        AssertSame(Rewards(model), Rewards(whole));
    }

    [Theory]
    [InlineData("\"alpha_pattern\": { \"q_proj\": 32 }", "alpha_pattern")]
    [InlineData("\"rank_pattern\": { \"q_proj\": 2 }", "rank_pattern")]
    [InlineData("\"use_dora\": true", "use_dora")]
    [InlineData("\"bias\": \"all\"", "bias")]
    public void ReadAdapterOptions_WhatWouldComputeSomethingElse_IsRefused(string setting, string name)
    {
        using var folder = new TempFolder();
        File.WriteAllText(folder["adapter_config.json"],
            $$"""{ "peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj"], {{setting}} }""");
        Assert.Contains(name, Assert.Throws<InvalidDataException>(() => LlamaPolicy.ReadAdapterOptions(folder.Root)).Message,
            StringComparison.Ordinal);
    }
}
