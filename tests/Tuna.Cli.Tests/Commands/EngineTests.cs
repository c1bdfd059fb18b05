using System.Text.Json;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

/// <summary>Every stage on the TorchSharp engine, from folders that the embedded engine wrote and back.</summary>
public class EngineTests
{
    private static readonly string[] Torch = ["--engine", "torch", "--threads", "1", "--json", "-q"];

    [Fact]
    public async Task Stages_OnTorchSharp_ReadAndWriteWhatTheEmbeddedEngineDoes()
    {
        using Workspace work = await new Workspace().WithInstructions(4).WithRanked(8).WithModelAsync();

        await Run(work, ["sft", "--model", "model", "--data", "data.jsonl", "--out", "sft", "--batch", "2", "--epochs", "2", "--lr",
            "0.001", .. Torch]);
        await Run(work, ["sample", "--model", "sft", "--data", "data.jsonl", "--out", "samples.jsonl", "--max-new-tokens", "4", .. Torch]);
        await Run(work, ["rank", "--data", "samples.jsonl", "--judge", "policy:sft", "--out", "by-policy.jsonl", .. Torch]);
        JsonElement trained = await Run(work,
            ["train", "--model", "sft", "--data", "ranked.jsonl", "--out", "tuned", "--batch", "2", "--epochs", "4", "--lr", "0.01",
                "--lora-rank", "2", "--base-weights", "nf4", "--moments", "8bit", "--gradients", "recompute", "--memory-gb", "1", .. Torch]);
        Assert.True(trained.GetProperty("after").GetProperty("pairs_in_order").GetDouble() >= trained.GetProperty("before")
            .GetProperty("pairs_in_order").GetDouble(), trained.ToString());
        Assert.True(File.Exists(work["tuned/adapter/adapter_config.json"]));

        JsonElement here = await Run(work,
            ["evaluate", "nll", "--model", "tuned", "--data", "data.jsonl", "--out", "torch.json", .. Torch]);
        JsonElement there = await Run(work,
            ["evaluate", "nll", "--model", "tuned", "--data", "data.jsonl", "--out", "managed.json", "--json", "-q"]);
        Assert.Equal(Nll(there), Nll(here), 1e-4);

        static double Nll(JsonElement result) => result.GetProperty("metrics").GetProperty("nll_per_token").GetDouble();
    }

    [Fact]
    public async Task Prm_OnTorchSharp_RanksOnTheEmbeddedEngine()
    {
        using Workspace work = await new Workspace().WithRanked(8).WithModelAsync();

        JsonElement prm = await Run(work,
            ["prm", "--model", "model", "--data", "ranked.jsonl", "--out", "prm", "--held-out", "0.3", "--batch", "2", "--epochs", "8",
            "--lr", "0.01", .. Torch]);
        await Run(work, ["rank", "--data", "ranked.jsonl", "--judge", "prm:prm", "--out", "managed.jsonl", "--json", "-q"]);
        await Run(work, ["rank", "--data", "ranked.jsonl", "--judge", "prm:prm", "--out", "torch.jsonl", .. Torch]);

        Assert.True(prm.GetProperty("pairwise_accuracy").GetDouble() > 0.9, prm.ToString());
        Assert.Equal(work.Rows("managed.jsonl").Select(r => r["output"]!.ToJsonString()),
            work.Rows("torch.jsonl").Select(r => r["output"]!.ToJsonString()));
    }

    [Fact]
    public async Task Torch_WithoutALibtorch_SaysHowToGetOneAndThatTheOtherEngineNeedsNone()
    {
        using Workspace work = await new Workspace().WithInstructions(1).WithModelAsync();
        Directory.CreateDirectory(work["nothing"]);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "generate", "--model", "model", "--data", "data.jsonl", "--out", "o.jsonl",
            "--engine", "torch", "--libtorch", "nothing")).Expect(1);

        foreach (string said in (string[])["nothing", "--libtorch", "TUNA_LIBTORCH", "embedded engine"])
            Assert.Contains(said, run.Error, StringComparison.Ordinal);
    }

    private static async Task<JsonElement> Run(Workspace work, string[] line) =>
        (await TunaProcess.RunAsync(work.Root, line)).Expect(0).Json;
}
