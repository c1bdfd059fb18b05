using Tuna.Cli.Tests.Support;
using Tuna.IO;

namespace Tuna.Cli.Tests.Files;

public class StaleLocksTests
{
    /// <summary>Two of some four hundred killed runs left a lock beside a finished output, which every later run passed over.</summary>
    [Fact]
    public async Task AFinishedOutput_IsRidOfLocksThatNobodyHolds()
    {
        using Workspace work = new Workspace().WithRanked(2);
        string[] line = ["rank", "--data", work["ranked.jsonl"], "--judge", "probabilistic", "--out", work["out.jsonl"], "-q"];
        (await TunaApp.RunAsync(line)).Expect(0);
        string[] stale = [work["out.jsonl.lock"], work["out.jsonl.settings.json.lock"]];
        foreach (string file in stale)
            await File.WriteAllTextAsync(file, "process 1 (tuna) on gone");
        await File.WriteAllTextAsync(work["out.jsonl2.lock"], "of another output");

        (await TunaApp.RunAsync(line)).Expect(0);

        Assert.All(stale, file => Assert.False(File.Exists(file), file));
        Assert.True(File.Exists(work["out.jsonl2.lock"]));
        using FileLock held = FileLock.Acquire(work["out.jsonl"]);
        (await TunaApp.RunAsync(line)).Expect(0); // nothing to write, so that the holder is in nobody's way
        Assert.True(File.Exists(stale[0]));
    }
}
