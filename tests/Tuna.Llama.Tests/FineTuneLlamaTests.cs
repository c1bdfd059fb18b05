using System.Text.Json;
using FineTuneLlama;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Testing;
using Tuna.Tokenizers;

namespace Tuna.Llama.Tests;

/// <summary>The sample, from a model folder and a ranked file to a trained folder and a report.</summary>
public sealed class FineTuneLlamaTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly string _model;
    private readonly string _data;

    public FineTuneLlamaTests()
    {
        _model = Directory.CreateDirectory(_folder["model"]).FullName;
        File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), Path.Combine(_model, "tokenizer.model"));
        int vocabulary = HuggingFaceTokenizer.Load(_model).VocabularySize;
        using (LlamaPolicy policy = LlamaPolicy.Create(Tiny.WithoutBiases with { VocabularySize = vocabulary, ContextLength = 512, InitializerRange = 0.05 }))
            policy.SaveModel(_model);
        _data = _folder["ranked.jsonl"];
        File.WriteAllLines(_data, Enumerable.Range(0, 24).Select(i => JsonSerializer.Serialize(new
        {
            id = $"row {i}",
            instruction = $"Say {i}",
            output = i % 2 == 0 ? new[] { "Yes, indeed!", "No?" } : ["Yes!", "No, and a long one?"],
            score = new[] { 1, 0 },
        })));
    }

    public void Dispose() => _folder.Dispose();

    private Settings Settings(string output, bool resume = false, bool rewardModel = false, int loraRank = 0) => new()
    {
        Model = _model,
        Data = _data,
        Output = _folder[output],
        Device = "cpu",
        Template = "alpaca",
        Epochs = 3,
        LearningRate = 5e-3,
        GroupsPerStep = 3,
        MaxLength = 256,
        HeldOut = 0.25,
        Resume = resume,
        RewardModel = rewardModel,
        LoraRank = loraRank,
    };

    private byte[] Weights(string run) => File.ReadAllBytes(Path.Combine(_folder[run], "model", "model.safetensors"));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Run_CancelledAndResumed_EndsWithTheBitsOfAnUninterruptedRun(bool rewardModel)
    {
        Assert.Equal(0, FineTuning.Run(Settings("whole", rewardModel: rewardModel), TextWriter.Null, CancellationToken.None));
        using var cancellation = new CancellationTokenSource();
        using var console = new CancelAtStep("step 4/", cancellation);
        Assert.Equal(130, FineTuning.Run(Settings("cut", rewardModel: rewardModel), console, cancellation.Token));
        Assert.False(Directory.Exists(Path.Combine(_folder["cut"], "model")));
        Assert.Equal(0, FineTuning.Run(Settings("cut", resume: true, rewardModel: rewardModel), TextWriter.Null, CancellationToken.None));
        Assert.Equal(Weights("whole"), Weights("cut"));
        Assert.Equal(rewardModel, LlamaConfig.Load(Path.Combine(_folder["cut"], "model")).ScalarHead);
    }

    [Fact]
    public void Run_WithAdapters_PrintsTheEstimateAndWritesModelAdapterTokenizerAndReport()
    {
        using var console = new StringWriter();
        Assert.Equal(0, FineTuning.Run(Settings("out", loraRank: 2), console, CancellationToken.None));
        Assert.Contains("Memory for the largest group", console.ToString(), StringComparison.Ordinal);
        string report = File.ReadAllText(Path.Combine(_folder["out"], "report.md"));
        foreach (string expected in new[] { "LoRA of rank 2", "estimated", "taken", "held-out pairs" })
            Assert.Contains(expected, report, StringComparison.Ordinal);
        foreach (string file in new[] { "model/config.json", "model/tokenizer.model", "adapter/adapter_config.json", "adapter/adapter_model.safetensors" })
            Assert.True(File.Exists(Path.Combine(_folder["out"], file)), file);
        LlamaPolicy.Load(Path.Combine(_folder["out"], "model")).Dispose();
    }

    [Fact]
    public void Run_RewardModel_OrdersUnseenRowsAsTheRanker()
    {
        Assert.Equal(0, FineTuning.Run(Settings("prm", rewardModel: true), TextWriter.Null, CancellationToken.None));
        string report = File.ReadAllText(Path.Combine(_folder["prm"], "report.md"));
        Assert.Contains("| 100.0 % |", report.Split('\n').Single(l => l.Contains("in the ranker's order", StringComparison.Ordinal)), StringComparison.Ordinal);
        using var managed = Managed.ManagedRewardModel.Load(Path.Combine(_folder["prm"], "model"));
    }

    [Fact]
    public void Run_MissingModelOrData_SaysWhatAndReturnsOne()
    {
        using var console = new StringWriter();
        Assert.Equal(1, FineTuning.Run(Settings("x") with { Model = _folder["nowhere"] }, console, CancellationToken.None));
        Assert.Contains("nowhere", console.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, FineTuning.Run(Settings("x") with { Data = _folder["nothing.jsonl"] }, console, CancellationToken.None));
        Assert.Contains("nothing.jsonl", console.ToString(), StringComparison.Ordinal);
        Assert.Equal(1, FineTuning.Run(Settings("x") with { MemoryBudget = 1000 }, console, CancellationToken.None));
        Assert.Contains("--lora-rank", console.ToString(), StringComparison.Ordinal);
    }

    private sealed class CancelAtStep(string step, CancellationTokenSource cancellation) : StringWriter
    {
        public override void Write(string? value)
        {
            base.Write(value);
            if (value?.Contains(step, StringComparison.Ordinal) == true)
                cancellation.Cancel();
        }
    }
}
