using System.Diagnostics;
using System.Globalization;
using Tuna.Cli.Tests.Support;
using Tuna.Numerics;
using Xunit.Abstractions;

namespace Tuna.Cli.Tests.Reliability;

/// <summary>Every stage that makes something is killed at random moments and run again, until it ends with the bytes of a run that nobody
/// disturbed.</summary>
/// <remarks>
/// <c>TUNA_KILLS</c>, a whole number, is how often each stage is killed (default 1): 75 of each are more than a thousand. <c>TUNA_SEED</c>
/// draws other moments (default 1). One of two moments is a time, the other a change in the folder: so many files made, written, renamed or
/// deleted.
/// </remarks>
public sealed class CrashTests(ITestOutputHelper log)
{
    private const int KillsInARow = 5; // then the stage may finish

    private static int Kills { get; } = Number("TUNA_KILLS", 1);

    public static TheoryData<string> Stages => [.. CrashStage.All.Select(stage => stage.Name)];

    [Theory]
    [MemberData(nameof(Stages))]
    public async Task Stage_KilledAndRunAgain_EndsWithTheSameBytes(string name)
    {
        if (OperatingSystem.IsWindows() && name.Contains("torch", StringComparison.Ordinal))
            return; // its loader needs longer than all the rest
        CrashStage stage = CrashStage.All.Single(s => s.Name == name);
        using Workspace work = await CrashStage.PrepareAsync();
        using LoopbackJudge judge = LoopbackJudge.InOrder(TimeSpan.FromMilliseconds(5));
        var random = new Rng(Rng.Derive((ulong)Number("TUNA_SEED", 1), Rng.Derive(0, name)));

        using var changes = new FolderChanges(work.Root);
        var time = Stopwatch.StartNew();
        (await TunaProcess.RunAsync(work.Root, judge.Environment, stage.Arguments("whole"))).Expect(0);
        (TimeSpan whole, int all) = (time.Elapsed, changes.Count);
        (string Name, byte[] Content)[] expected = [.. stage.Read(work, "whole")];

        int killed = 0, rounds = 0, amid = 0;
        for (; killed < Kills; rounds++)
        {
            string output = $"o{rounds}";
            int calls = judge.Calls, killsBefore = killed;
            while (killed < Kills && killed - killsBefore < KillsInARow && await KilledAsync(output))
                killed++;
            (await TunaProcess.RunAsync(work.Root, judge.Environment, stage.Arguments(output))).Expect(0);

            foreach (((string file, byte[] was), (_, byte[] now)) in expected.Zip(stage.Read(work, output)))
                Assert.True(was.AsSpan().SequenceEqual(now), $"{name}, round {rounds} after {killed} kills: {file} differs.");
            Assert.Empty(Leftovers(work.Root));
            // What was answered before a kill is not paid for again, but for the calls under way then.
            Assert.InRange(judge.Calls - calls, stage.PaidRows, stage.PaidRows + ((killed - killsBefore) * CrashStage.Parallel));
            Clear(work, output);
        }

        log.WriteLine($"{name}: {killed} kills, {amid} of them after the first change of a file, in {rounds} rounds; no byte different");

        async Task<bool> KilledAsync(string output)
        {
            bool byTime = random.Next(2) == 0;
            TimeSpan delay = whole * (random.NextDouble() * 1.1);
            int start = changes.Count, change = start + 1 + random.Next(all);
            var since = Stopwatch.StartNew();
            using TunaProcess run = TunaProcess.Start(work.Root, judge.Environment, stage.Arguments(output));
            bool dead = await run.KillWhenAsync(() => byTime ? since.Elapsed >= delay : changes.Count >= change);
            if (!dead)
                (await run.EndAsync()).Expect(0); // it was quicker; what it says is no error
            amid += dead && changes.Count > start ? 1 : 0;
            return dead;
        }
    }

    // Beside the output and its settings, nothing may stay that belongs to a run under way.
    private static string[] Leftovers(string folder) =>
        [.. Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories)
            .Where(e => e.EndsWith(".partial", StringComparison.Ordinal)
            || e.EndsWith(".lock", StringComparison.Ordinal) || e.EndsWith(".journal", StringComparison.Ordinal)
                || e.EndsWith(".run", StringComparison.Ordinal))];

    private static void Clear(Workspace work, string output)
    {
        foreach (string entry in Directory.EnumerateFileSystemEntries(work.Root, output + "*"))
        {
            if (Directory.Exists(entry))
                Directory.Delete(entry, recursive: true);
            else
                File.Delete(entry);
        }
    }

    private static int Number(string variable, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            && value > 0 ? value : otherwise;

    /// <summary>Counts what happens to a folder's files.</summary>
    private sealed class FolderChanges : IDisposable
    {
        private readonly FileSystemWatcher _watcher;
        private int _count;

        public FolderChanges(string folder)
        {
            _watcher = new FileSystemWatcher(folder) { IncludeSubdirectories = true, InternalBufferSize = 1 << 16 };
            _watcher.Created += Add;
            _watcher.Changed += Add;
            _watcher.Deleted += Add;
            _watcher.Renamed += Add;
            _watcher.EnableRaisingEvents = true;
        }

        public int Count => Volatile.Read(ref _count);

        public void Dispose() => _watcher.Dispose();

        private void Add(object sender, FileSystemEventArgs e) => Interlocked.Increment(ref _count);
    }
}
