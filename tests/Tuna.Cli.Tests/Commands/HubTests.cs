using Tuna.Cli.Hosting;
using Tuna.Cli.Tests.Support;
using Tuna.Models.Tests.Hub;

namespace Tuna.Cli.Tests.Commands;

public class HubTests
{
    [Fact]
    public async Task Generate_NamesOfModelAndData_AreDownloadedAndKept()
    {
        using Workspace work = await new Workspace().WithInstructions(3).WithModelAsync();
        using LoopbackHub hub = Hub(work);
        hub.With("datasets/acme/rows", "train.jsonl", work.Text("data.jsonl"));
        string[] generate = ["generate", "--model", "acme/tiny", "--data", "acme/rows", "--max-new-tokens", "3", "--threads", "1"];

        TunaRun run = (await TunaProcess.RunAsync(work.Root, Settings(work, hub), [.. generate, "--out", "a.jsonl"])).Expect(0);
        Assert.Contains("downloading model.safetensors", run.Error, StringComparison.Ordinal);
        Assert.Equal(3, work.Lines("a.jsonl").Length);

        var offline = new Dictionary<string, string>(Settings(work, hub)) { ["HF_HUB_OFFLINE"] = "1",
            ["HF_ENDPOINT"] = "http://127.0.0.1:9" };
        (await TunaProcess.RunAsync(work.Root, offline, [.. generate, "--out", "b.jsonl", "-q"])).Expect(0);
        Assert.Equal(work.Text("a.jsonl"), work.Text("b.jsonl"));

        // A path of the same name is the path, and that is said.
        Directory.CreateDirectory(work["acme/tiny"]);
        run = (await TunaProcess.RunAsync(work.Root, offline, [.. generate, "--out", "c.jsonl"])).Expect(ExitCodes.BadInput);
        Assert.Contains("the path is taken", run.Error, StringComparison.Ordinal);
        Assert.Contains("acme/tiny", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("acme/nosuch", "does not exist", true)]
    [InlineData("acme/tiny.jsonl", "There is no file", false)]
    public async Task Generate_WhatIsNowhere_SaysSoAndFilesAreNotAskedFor(string data, string said, bool asks)
    {
        using Workspace work = await new Workspace().WithModelAsync();
        using LoopbackHub hub = Hub(work);
        TunaRun run = (await TunaProcess.RunAsync(work.Root, Settings(work, hub), "generate", "--model", "model", "--data", data, "--out",
            "o.jsonl")).Expect(ExitCodes.BadInput);
        Assert.Contains(said, run.Error, StringComparison.Ordinal);
        Assert.Equal(asks, !hub.Requests.IsEmpty);
    }

    private static LoopbackHub Hub(Workspace work)
    {
        var hub = new LoopbackHub();
        foreach (string file in Directory.EnumerateFiles(work["model"]))
            hub.With("models/acme/tiny", Path.GetFileName(file), File.ReadAllBytes(file));
        return hub;
    }

    private static Dictionary<string, string> Settings(Workspace work, LoopbackHub hub) => new()
    {
        ["HF_ENDPOINT"] = hub.Address,
        ["HF_HUB_CACHE"] = work["cache"],
        ["HF_HUB_OFFLINE"] = "0",
        ["HF_TOKEN"] = "",
    };
}
