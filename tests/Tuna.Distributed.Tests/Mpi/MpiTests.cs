using Tuna.Distributed.Mpi;
using Tuna.Testing;

namespace Tuna.Distributed.Tests.Mpi;

/// <summary>Real jobs of both MPIs: what ranks as threads do not show.</summary>
public sealed class MpiTests : IDisposable
{
    private readonly TempFolder _temp = new(inMemory: true);

    public void Dispose() => _temp.Dispose();

    [SkippableTheory]
    [InlineData(MpiRun.OpenMpi, 2)]
    [InlineData(MpiRun.OpenMpi, 4)]
    [InlineData(MpiRun.Mpich, 2)]
    public void Collectives_UnderMpirun_GiveAllRanksTheSame(string launcher, int ranks)
    {
        MpiRun.Need(launcher);
        MpiOutcome job = MpiRun.Start(launcher, ranks, [RankProgram.Sums]);
        job.Succeeded();
        string[] lines = [.. job.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Order(StringComparer.Ordinal)];
        Assert.Equal(ranks, lines.Length);
        string expected = string.Join(' ', Enumerable.Range(0, ranks).Select(r => $"{r} {r}")) + " from the last";
        Assert.All(lines, (line, rank) => Assert.StartsWith($"{rank} of {ranks}: ", line, StringComparison.Ordinal));
        Assert.All(lines, line => Assert.EndsWith(expected, line, StringComparison.Ordinal));
        Assert.Single(lines.Select(line => line.Split(": ")[1]).Distinct());
    }

    [SkippableTheory]
    [InlineData(MpiRun.OpenMpi, 2, false)]
    [InlineData(MpiRun.Mpich, 4, true)]
    public void Train_UnderMpirun_WritesTheRunFolderOfOneProcess(string launcher, int ranks, bool shard)
    {
        MpiRun.Need(launcher);
        SortedDictionary<string, string> one = TinyRun.Outcome(1, _temp["one"]);
        MpiRun.Start(launcher, ranks, [RankProgram.Train, _temp["several"], shard ? "sharded" : "whole", "-1", "0"]).Succeeded();
        Assert.Equal(one, FolderContent.Of(_temp["several"]));
    }

    [SkippableFact]
    public void Train_RankKilled_JobEndsAndGoesOnWithOtherRanksOfAnotherMpi()
    {
        MpiRun.Need(MpiRun.OpenMpi);
        MpiRun.Need(MpiRun.Mpich);
        SortedDictionary<string, string> one = TinyRun.Outcome(1, _temp["one"]);
        string folder = _temp["killed"];
        // The second rank dies in the fourth step, with the first waiting for it.
        Assert.NotEqual(0, MpiRun.Start(MpiRun.OpenMpi, 2, [RankProgram.Train, folder, "sharded", "1", "8"]).ExitCode);
        Assert.True(Directory.Exists(Path.Combine(folder, "checkpoint-00000003")));
        Assert.NotEqual(0, MpiRun.Start(MpiRun.Mpich, 4, [RankProgram.Train, folder, "whole", "3", "4"]).ExitCode);
        MpiRun.Start(MpiRun.Mpich, 4, [RankProgram.Train, folder, "whole", "-1", "0"]).Succeeded();
        Assert.Equal(one, FolderContent.Of(folder));
    }

    [SkippableFact]
    public void Start_UnderTheLauncherOfAnotherMpi_IsRefused()
    {
        MpiRun.Need(MpiRun.OpenMpi);
        MpiRun.Need(MpiRun.Mpich);
        MpiOutcome job = MpiRun.Start(MpiRun.OpenMpi, 2, [RankProgram.Sums], library: "libmpich.so.12");
        Assert.NotEqual(0, job.ExitCode);
        Assert.Contains("the launcher is another MPI's than the library", job.Errors, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void SumTree_OtherRankHangs_EndsAfterTheTimeout()
    {
        MpiRun.Need(MpiRun.OpenMpi);
        MpiOutcome job = MpiRun.Start(MpiRun.OpenMpi, 2, [RankProgram.Hang]);
        Assert.NotEqual(0, job.ExitCode);
        Assert.Contains("has waited 2 s for another process", job.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NoLibrary_NamesThePackage()
    {
        string message = Assert.Throws<MpiUnavailableException>(() => MpiLibrary.Load(["libno-such-mpi.so.1"], null)).Message;
        Assert.Contains("libno-such-mpi.so.1", message, StringComparison.Ordinal);
        Assert.Contains("apt-get install openmpi-bin", message, StringComparison.Ordinal);
        Assert.Contains("apt-get install mpich", Assert.Throws<MpiUnavailableException>(
            () => MpiLibrary.Load(["libno-such-mpi.so.1"], new MpiLauncher("MPICH's mpirun", false, 2, 0, 2))).Message,
                StringComparison.Ordinal);
    }

    [Fact]
    public void Load_LibraryThatIsNoMpi_IsPassedOver() =>
        Assert.Throws<MpiUnavailableException>(() => MpiLibrary.Load(["libc.so.6"], null));
}
