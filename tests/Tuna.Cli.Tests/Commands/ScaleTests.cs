using System.Text.Json;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

/// <summary>The table of what more GPUs would bring.</summary>
public sealed class ScaleTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public async Task Scale_Of7B_NeedsSeveralGpusAndSaysItsAssumptions()
    {
        TunaRun run = (await TunaApp.RunAsync("scale", "--json")).Expect(0);
        JsonElement[] rows = [.. run.Json.GetProperty("rows").EnumerateArray()];
        Assert.Equal([1, 2, 4, 8, 16, 32, 64], rows.Select(r => r.GetProperty("gpus").GetInt32()));
        Assert.StartsWith("memory", rows[0].GetProperty("limit").GetString(), StringComparison.Ordinal);
        Assert.Equal("compute", rows[3].GetProperty("limit").GetString());
        // Moments of 7B in single precision are 54 GB; of eight ranks each keeps an eighth.
        Assert.Equal(53.9 * 7 / 8, rows[3].GetProperty("gb").GetDouble() - rows[3].GetProperty("gb_sharded").GetDouble(), 0.1);
        Assert.Contains("A model, not a measurement", (await TunaApp.RunAsync("scale")).Expect(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Scale_SlowNetwork_IsLimitedByTheExchange()
    {
        TunaRun run = (await TunaApp.RunAsync("scale", "--json", "--network", "1", "--batch", "64", "--out", _work["scale.svg"])).Expect(0);
        Assert.Equal("the exchange", run.Json.GetProperty("rows")[5].GetProperty("limit").GetString());
        Assert.StartsWith("<svg", _work.Text("scale.svg"), StringComparison.Ordinal);
    }
}
