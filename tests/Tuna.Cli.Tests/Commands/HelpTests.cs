using System.Text.Json;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

public class HelpTests
{
    [Fact]
    public async Task Help_OfTheProgram_NamesEveryCommandAndTheExitCodes()
    {
        TunaRun run = (await TunaProcess.RunAsync(".", "--help")).Expect(0);

        foreach (string command in (string[])["sft", "sample", "rank", "train", "prm", "generate", "chat", "export", "push", "evaluate",
            "convert", "stats", "report", "recipe", "run", "rounds", "new"])
            Assert.Contains($"\n  {command} ", run.Output, StringComparison.Ordinal);
        Assert.Contains("130", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_OfACommand_TeachesByExample()
    {
        TunaRun run = (await TunaProcess.RunAsync(".", "rank", "--help")).Expect(0);

        Assert.Contains("Examples:", run.Output, StringComparison.Ordinal);
        Assert.Contains("tuna rank --data samples.jsonl --judge openai:gpt-4o", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("sample --data x --out y", "--model FOLDER or --teacher")]
    [InlineData("train --model m --data d --out o --objective nonsense", "nonsense")]
    [InlineData("rank --out y --judge probabilistic", "--data")]
    public async Task Usage_WrongCommandLine_Exits2AndSaysWhatToDo(string line, string said)
    {
        TunaRun run = (await TunaProcess.RunAsync(".", line.Split(' '))).Expect(2);

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
        Assert.Contains("--help", run.Error, StringComparison.Ordinal);
        Assert.Empty(run.Output);
    }

    [Fact]
    public async Task Json_AnError_IsOneObjectOnStandardOutput()
    {
        JsonElement error = (await TunaProcess.RunAsync(".", "stats", "--data", "missing.jsonl", "--json")).Expect(1).Json;

        Assert.Equal("error", error.GetProperty("status").GetString());
        Assert.Equal(1, error.GetProperty("exit_code").GetInt32());
        Assert.Contains("missing.jsonl", error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }
}
