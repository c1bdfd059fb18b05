using System.Text;
using Tuna.Cli.Hosting;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Rounds;

/// <summary>Rounds that are stopped at every boundary of a stage and in the middle of each kind, and asked for again.</summary>
public class RoundsInterruptedTests
{
    private static readonly string[] Outputs =
        ["round-1/ranked.jsonl", "round-2/samples.jsonl", "round-2/model/model.safetensors", "round-2/model/training.jsonl",
        "round-2/verdicts.jsonl", "rounds.json", "report.html"];

    // A stage by its name, and how often the clock is read after it has begun: 0 stops at its boundary.
    private static readonly (string Stage, int Readings)[] s_moments =
    [
        .. from stage in (string[])["round-0.answers", "round-1.samples", "round-1.ranking", "round-1.training", "round-1.answers",
            "round-1.verdicts", "round-2.samples", "round-2.ranking", "round-2.training", "round-2.answers", "round-2.verdicts"]
            select (stage, 0),
        ("round-1.samples", 4), ("round-1.ranking", 6), ("round-1.training", 8), ("round-2.training", 12), ("round-2.answers", 3),
        ("round-2.verdicts", 3),
    ];

    [Fact]
    public async Task Rounds_StoppedAtAnyStage_EndWithTheSameBytes()
    {
        using Workspace work = await new Workspace().WithInstructions(12).WithModelAsync();
        Assert.Equal(0, await RunAsync(work, "whole", null));
        byte[][] expected = [.. Outputs.Select(name => Read(work, "whole", name))];

        foreach ((string Stage, int Readings) moment in s_moments)
        {
            Assert.True(await RunAsync(work, "w", moment) == ExitCodes.Cancelled, $"{moment}: it was not stopped");
            Assert.Equal(0, await RunAsync(work, "w", null));

            foreach ((string name, byte[] was) in Outputs.Zip(expected))
                Assert.True(was.AsSpan().SequenceEqual(Read(work, "w", name)), $"stopped at '{moment}': {name} differs");
            Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(work["w"], "*", SearchOption.AllDirectories),
                e => Path.GetExtension(e) is ".partial" or ".lock" or ".journal" or ".run");
            Directory.Delete(work["w"], recursive: true);
        }
    }

    // The report names its folder.
    private static byte[] Read(Workspace work, string folder, string name)
    {
        byte[] content = File.ReadAllBytes(Path.Combine(work[folder], name));
        return name == "rounds.json"
            ? Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(content).Replace(work[folder], "OUT", StringComparison.Ordinal)) : content;
    }

    private static async Task<int> RunAsync(Workspace work, string folder, (string Stage, int Readings)? at)
    {
        using var stop = new CancellationTokenSource();
        var clock = new StoppingClock(stop);
        using var error = new WatchedWriter(line =>
        {
            if (at is { } moment && line.Contains(moment.Stage + ": tuna", StringComparison.Ordinal))
                clock.StopAfter(moment.Readings);
        });
        return await new App(TextWriter.Null, error, clock, () => ExitCodes.Cancelled).RunAsync(
            ["rounds", "--model", work["model"], "--data", work["data.jsonl"], "--judge", "policy:" + work["model"], "--rounds", "2",
            "--held-out", "0.3", "--sample", "max-new-tokens=4", "count=3", "batch=2", "trials=1", "--train", "batch=2", "lr=0.001",
            "checkpoint-every=1", "--answer", "batch=1", "--threads", "1", "--json", "--out", work[folder]], stop.Token);
    }

    /// <summary>Meters read the clock at every row and the trainer at every step: so a reading is a moment in the middle of work.</summary>
    private sealed class StoppingClock(CancellationTokenSource stop) : TimeProvider
    {
        private int _left = -1;

        public void StopAfter(int readings)
        {
            if (readings == 0)
                stop.Cancel();
            else
                _left = readings;
        }

        public override long GetTimestamp()
        {
            if (_left > 0 && --_left == 0)
                stop.Cancel();
            return base.GetTimestamp();
        }
    }

    private sealed class WatchedWriter(Action<string> seen) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            seen(value ?? "");
        }
    }
}
