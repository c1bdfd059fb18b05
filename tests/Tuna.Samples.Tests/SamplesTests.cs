using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Tuna.Cli.Tests.Support;
using Tuna.Llama.Managed;
using Tuna.Models;
using Tuna.Testing;
using Tuna.Tokenizers;

namespace Tuna.Samples.Tests;

/// <summary>Every sample runs and does what its first line says.</summary>
public sealed partial class SamplesTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("OwnLoss")]
    [InlineData("OwnEngine")]
    public void OwnPart_Trains_AndOrdersMorePairsThanBefore(string sample)
    {
        Match result = Result().Match(Run(sample));

        Assert.True(result.Success);
        Assert.True(Number(result, "loss") < Number(result, "first"), result.Value);
        Assert.True(Number(result, "pairs") > Number(result, "before") && Number(result, "pairs") >= 90, result.Value);
    }

    [Fact]
    public void Files_OfSamples_AreSmall()
    {
        string[] files = [.. new[] { "FineTuneOnGpu", "OwnEngine", "OwnLoss", "RankWithAJudge" }.SelectMany(sample =>
            Directory.GetFiles(Path.Combine(Path.GetDirectoryName(GoldenData.TestsFolder())!, "samples", sample), "*.cs"))];
        Assert.Equal(5, files.Length);
        Assert.All(files, file => Assert.InRange(File.ReadLines(file).Count(), 10, 80));
    }

    [Fact]
    public void FineTuneOnGpu_OnTheProcessor_WritesAModelFolder()
    {
        string model = Directory.CreateDirectory(_folder["model"]).FullName;
        File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), Path.Combine(model, "tokenizer.model"));
        var config = new LlamaConfig
        {
            VocabularySize = HuggingFaceTokenizer.Load(model).VocabularySize,
            HiddenSize = 32,
            IntermediateSize = 88,
            LayerCount = 2,
            HeadCount = 2,
            KeyValueHeadCount = 2,
            HeadDimension = 16,
            ContextLength = 512,
        };
        using (ManagedLlama policy = ManagedLlama.Create(config, new() { Seed = 1, Threads = 1 }))
            policy.SaveModel(model);

        string output = Run("FineTuneOnGpu", model, Ranked(scores: true), _folder["out"], "cpu");

        Assert.Contains("last loss", output, StringComparison.Ordinal);
        using ManagedLlama trained = ManagedLlama.Load(_folder["out"]);
        Assert.Equal(config.LayerCount, trained.Info.LayerCount);
    }

    [Fact]
    public void RankWithAJudge_WritesRankedRows_AndAsksNothingTwice()
    {
        using LoopbackJudge judge = LoopbackJudge.InOrder();
        string data = Ranked(scores: false);

        Run("RankWithAJudge", data, _folder["ranked.jsonl"], "loopback", judge.Address, "100000");
        int calls = judge.Calls;
        Run("RankWithAJudge", data, _folder["ranked.jsonl"], "loopback", judge.Address, "100000");

        Assert.Equal(8, File.ReadLines(_folder["ranked.jsonl"])
            .Count(line => JsonDocument.Parse(line).RootElement.GetProperty("score").GetArrayLength() == 4));
        Assert.Equal((8, 8), (calls, judge.Calls));
    }

    private string Ranked(bool scores)
    {
        string file = _folder["rows.jsonl"];
        File.WriteAllLines(file, Enumerable.Range(0, 8).Select(i => scores
            ? JsonSerializer.Serialize(new
            {
                id = $"r{i}",
                instruction = $"Say {i}.",
                output = new[] { $"{i}", "no", "a", "b" },
                score = new[] { 4, 3, 2, 1 },
            })
            : JsonSerializer.Serialize(new { id = $"r{i}", instruction = $"Say {i}.", output = new[] { $"{i}", "no", "a", "b" } })));
        return file;
    }

    private static string Run(string sample, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, sample + ".dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("OPENAI_API_KEY");
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(3)), $"{sample} did not end.");
        Assert.True(process.ExitCode == 0, $"{sample} ended with {process.ExitCode}:\n{output.Result}{errors.Result}");
        return output.Result;
    }

    private static double Number(Match match, string group) => double.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"loss (?<first>[0-9.]+) -> (?<loss>[0-9.]+), pairs in order (?<before>[0-9]+) ?% -> (?<pairs>[0-9]+) ?%")]
    private static partial Regex Result();
}
