using System.Text.Json.Nodes;
using Tuna.Cli.Hosting;
using Tuna.Llama.Managed;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Tokenizers;

namespace Tuna.Gguf.Tests;

/// <summary>Exported models in llama.cpp: the same ids of a text, the same greedy tokens, log-probabilities within what the precision
/// leaves.</summary>
/// <remarks>The models are random, and their likeliest tokens lead by little: with rounded activations a greedy text soon parts, so that
/// llama.cpp is led along ours.</remarks>
public sealed class GgufExportTests : IDisposable
{
    private const int NewTokens = 24;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Single precision differs by the order of additions. The 16-bit weights are exact here, but llama.cpp rounds activations to the type
    // of the weights; a byte each rounds both.
    [SkippableTheory]
    [InlineData("spm", "llama", "f32", 2e-4)]
    [InlineData("bpe", "llama", "f32", 2e-4)]
    [InlineData("spm", "llama", "f16", 0.02)]
    [InlineData("bpe", "llama", "bf16", 0.05)]
    [InlineData("spm", "llama", "q8_0", 0.2)]
    [InlineData("bpe", "llama", "q8_0", 0.2)]
    [InlineData("bpe", "llama3-rope", "f32", 2e-4)]
    [InlineData("bpe", "tied", "f32", 2e-4)]
    [InlineData("bpe", "wide-heads", "f32", 2e-4)]
    [InlineData("bpe", "linear-rope", "f32", 2e-4)]
    [InlineData("spm", "mistral", "f32", 2e-4)]
    [InlineData("bpe", "qwen2", "f32", 2e-4)]
    [InlineData("bpe", "qwen3", "f32", 2e-4)]
    public async Task Export_InLlamaCpp_SaysTheSame(string tokenizerKind, string kind, string precision, double tolerance)
    {
        Skip.IfNot(LlamaCpp.IsThere, "llama.cpp's library is taken for Linux on x64.");
        string model = _folder["model"], file = _folder["model.gguf"];
        HuggingFaceTokenizer tokenizer = Write(model, tokenizerKind, kind, precision);
        await ExportAsync(model, file, precision);

        using var other = new LlamaCpp(file);
        foreach (string text in (string[])["Hello world", "one two  three\n4", "naïve café 漢字 \U0001f41f", " leading", "x = 1 + 23456;"])
        {
            int[] prompt = [.. tokenizer.BosId is { } bos ? (int[])[bos] : [], .. tokenizer.Encode(text)];
            Assert.Equal(prompt, other.Tokenize(text));
        }

        using ManagedLlama policy = ManagedLlama.Load(model, new ManagedLlamaOptions { Threads = 1 });
        int[] question = [.. tokenizer.BosId is { } b ? (int[])[b] : [], .. tokenizer.Encode("Name a fish, one two three.")];
        SampledResponse ours = policy.Sample([new SamplingRequest { Prompt = question, Temperature = 0, MaxNewTokens = NewTokens }])[0][0];
        (int[] tokens, double[] best, double[] own) = other.Follow(question, ours.Tokens);
        Assert.InRange(Math.Abs(own.Sum() - ours.LogProb) / NewTokens, 0, tolerance);
        // The greedy tokens are the same; where llama.cpp rounds activations too, another token may lead by less than that.
        if (precision == "f32")
            Assert.Equal(ours.Tokens, tokens);
        Assert.All(best.Zip(own), p => Assert.InRange(p.First - p.Second, 0, 4 * tolerance));
        Assert.InRange(tokens.Zip(ours.Tokens).Count(p => p.First == p.Second), NewTokens * 3 / 4, NewTokens);
    }

    [Fact]
    public async Task Export_WhatHasNoForm_IsRefusedAndLeavesNoFile()
    {
        string model = _folder["model"], file = _folder["model.gguf"];
        Write(model, "bpe", "llama", "f32");
        JsonNode tokenizer = JsonNode.Parse(File.ReadAllText(Path.Combine(model, "tokenizer.json")))!;
        tokenizer["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = "\\p{L}+|.";
        File.WriteAllText(Path.Combine(model, "tokenizer.json"), tokenizer.ToJsonString());
        Assert.Contains("splits texts by", await ExportAsync(model, file, "f32", 1), StringComparison.Ordinal);

        File.Delete(Path.Combine(model, "tokenizer.json"));
        Assert.Contains("no tokenizer of its own", await ExportAsync(model, file, "f32", 1), StringComparison.Ordinal);
        Write(model, "bpe", "yarn-rope", "f32");
        Assert.Contains("yarn", await ExportAsync(model, file, "f32", 1), StringComparison.Ordinal);
        Assert.False(File.Exists(file));
    }

    private static async Task<string> ExportAsync(string model, string file, string precision, int code = 0)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int exit = await new App(output, error, TimeProvider.System, () => 130)
            .RunAsync(["export", "--model", model, "--out", file, "--precision", precision], CancellationToken.None);
        Assert.True(exit == code, error.ToString());
        return error.ToString();
    }

    private static HuggingFaceTokenizer Write(string folder, string tokenizer, string kind, string precision)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        if (tokenizer == "spm")
            File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), Path.Combine(folder, "tokenizer.model"));
        else
            File.Copy(GoldenData.FilePath("tokenizers", "bytelevel_bpe.tokenizer.json"), Path.Combine(folder, "tokenizer.json"));
        HuggingFaceTokenizer loaded = HuggingFaceTokenizer.Load(folder);
        LlamaConfig config = new LlamaConfig
        {
            VocabularySize = loaded.VocabularySize,
            HiddenSize = 64,
            IntermediateSize = 160,
            LayerCount = 3,
            HeadCount = 4,
            KeyValueHeadCount = 2,
            HeadDimension = 16,
            ContextLength = 256,
            InitializerRange = 0.25, // so that the likeliest token leads by more than rounding
            TieWordEmbeddings = kind == "tied",
            EosTokenIds = [loaded.EosId],
        };
        config = kind switch
        {
            "llama3-rope" => config with { RopeTheta = 500000, RopeScaling = new Llama3RopeScaling(8, 1, 4, 64) },
            "linear-rope" => config with { RopeScaling = new LinearRopeScaling(4) },
            "yarn-rope" => config with { RopeScaling = new YarnRopeScaling(4, 64) },
            "wide-heads" => config with { HeadDimension = 32 },
            "mistral" => config with { ModelType = "mistral" },
            "qwen2" => config with { ModelType = "qwen2", QueryKeyValueBias = true },
            "qwen3" => config with { ModelType = "qwen3", QueryKeyNorm = true, HeadDimension = 32 },
            _ => config,
        };
        TensorDType stored = precision switch { "f16" => TensorDType.F16, "bf16" => TensorDType.BF16, _ => TensorDType.F32 };
        using ManagedLlama policy =
            ManagedLlama.Create(config with { DType = stored }, new ManagedLlamaOptions { Seed = 5, SavedType = stored });
        policy.SaveModel(folder);
        return loaded;
    }
}
