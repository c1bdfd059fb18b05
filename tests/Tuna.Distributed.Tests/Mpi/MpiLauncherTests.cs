using Tuna.Distributed.Mpi;

namespace Tuna.Distributed.Tests.Mpi;

/// <summary>Who started a process, as launchers say it in the environment.</summary>
public sealed class MpiLauncherTests
{
    public static TheoryData<string, string?, bool, int, int, int> Environments => new()
    {
        { "", null, false, 1, 0, 1 },
        { "SLURM_NTASKS=4 SLURM_PROCID=1", null, false, 1, 0, 1 }, // a job step that no MPI started
        { "OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_LOCAL_RANK=1 OMPI_COMM_WORLD_LOCAL_SIZE=2 PMIX_RANK=1",
            "Open MPI's mpirun", true, 4, 1, 2 },
        { "PMI_SIZE=8 PMI_RANK=5 MPI_LOCALRANKID=1 MPI_LOCALNRANKS=4", "MPICH's mpirun", false, 8, 1, 4 },
        { "PMI_SIZE=8 PMI_RANK=5 SLURM_LOCALID=2 SLURM_NTASKS=8", "srun --mpi=pmi2", false, 8, 2, 8 },
        { "PMIX_RANK=3 SLURM_NTASKS=16 SLURM_STEP_NUM_TASKS=8 SLURM_LOCALID=3 SLURM_NTASKS_PER_NODE=4", "srun --mpi=pmix", true, 8, 3, 4 },
    };

    [Theory]
    [MemberData(nameof(Environments))]
    public void Of_Environment_IsTheLauncher(string environment, string? name, bool openMpi, int size, int localRank, int localSize)
    {
        Dictionary<string, string> variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('='))
            .ToDictionary(v => v[0], v => v[1]);
        MpiLauncher? found = MpiLauncher.Of(variables.GetValueOrDefault);
        Assert.Equal(name is null ? null : new MpiLauncher(name, openMpi, size, localRank, localSize), found);
        Assert.Equal(openMpi, MpiLibrary.Names(found)[0] == "libmpi.so.40" && found is not null);
    }

    [Theory]
    [InlineData(2, null, "2")]
    [InlineData(2, "", "2")]
    [InlineData(1, "4,5, 6,7", "5")]
    [InlineData(5, "0,1,2,3", "1")] // more processes than GPUs share them
    [InlineData(1, "GPU-8932f937", null)] // the launcher has chosen
    public void GpuOf_LocalRank_IsItsOwn(int localRank, string? visible, string? expected) =>
        Assert.Equal(expected, MpiProcessGroup.GpuOf(localRank, visible));

    [Fact]
    public void Validate_TimeoutOfZero_Throws() =>
        Assert.Throws<ArgumentOutOfRangeException>(new MpiOptions { Timeout = TimeSpan.Zero }.Validate);
}
