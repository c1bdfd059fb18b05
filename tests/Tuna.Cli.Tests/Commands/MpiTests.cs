using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

/// <summary>The program under mpirun.</summary>
public sealed class MpiTests : IDisposable
{
    private const string OpenMpi = "mpirun.openmpi", Mpich = "mpirun.mpich";

    // As root in a container, and more processes than cores.
    private static readonly Dictionary<string, string> Environment =
        new() { ["OMPI_ALLOW_RUN_AS_ROOT"] = "1", ["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1", ["TERM"] = "dumb" };

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [SkippableTheory]
    [InlineData(OpenMpi, 2, null)]
    [InlineData(Mpich, 2, "dpo")] // with a reference policy, which rank 0 asks
    public async Task Train_UnderMpirun_MakesTheModelOfOneProcess(string launcher, int ranks, string? objective)
    {
        Need(launcher);
        await _work.WithRanked(21).WithModelAsync();
        string[] train = ["train", "--model", "model", "--data", "ranked.jsonl", "--batch", "8", "--threads", "1", .. objective is null
            ? (string[])[] : ["--objective", objective], "--gradient-leaves", "4", "-q"];
        (await TunaProcess.RunAsync(_work.Root, [.. train, "--out", "one"])).Expect(0);
        (await TunaProcess.LaunchAsync(_work.Root, Launch(launcher, ranks), Environment,
            [.. train, "--out", "several", "--shard-optimizer"])).Expect(0);
        foreach (string file in Directory.GetFiles(_work["one"]).Select(f => Path.GetFileName(f)!))
            Assert.Equal(File.ReadAllBytes(Path.Combine(_work["one"], file)), File.ReadAllBytes(Path.Combine(_work["several"], file)));
        Assert.False(Directory.Exists(_work["several.run"]));
    }

    [SkippableFact]
    public async Task Train_FailsOnAllRanks_TellsItOnceAndEnds()
    {
        Need(Mpich);
        _work.WithRanked(4);
        TunaRun run = (await TunaProcess.LaunchAsync(_work.Root, Launch(Mpich, 2), Environment, "train", "--model", "none", "--data",
            "ranked.jsonl", "--out", "x")).Expect(1);
        Assert.Contains("There is no model folder none", run.Error, StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task Stats_UnderMpirun_SaysThatItWorksAlone()
    {
        Need(Mpich);
        TunaRun run = await TunaProcess.LaunchAsync(_work.WithRanked(4).Root, Launch(Mpich, 2), Environment, "stats", "--data",
            "ranked.jsonl");
        Assert.Equal(2, run.ExitCode);
        Assert.Contains("works in one", run.Error, StringComparison.Ordinal);
    }

    private static string[] Launch(string launcher, int ranks) =>
        launcher == OpenMpi ? [launcher, "--oversubscribe", "--bind-to", "none", "-n", $"{ranks}"] : [launcher, "-n", $"{ranks}"];

    private static void Need(string launcher) => Skip.IfNot(
        System.Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator)
            .Any(folder => File.Exists(Path.Combine(folder, launcher))),
        $"{launcher} is not installed (Debian: apt-get install openmpi-bin mpich)");
}
