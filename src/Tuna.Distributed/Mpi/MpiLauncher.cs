using System.Globalization;

namespace Tuna.Distributed.Mpi;

/// <summary>Who started this process, as its environment says.</summary>
/// <param name="Name">For messages.</param>
/// <param name="IsOpenMpi">Whether it is Open MPI's; otherwise MPICH's, or Slurm's with its interface.</param>
/// <param name="Size">How many processes it started.</param>
/// <param name="LocalRank">This one's number on its machine.</param>
/// <param name="LocalSize">How many there are on its machine; <paramref name="Size"/> where the launcher does not say.</param>
internal sealed record MpiLauncher(string Name, bool IsOpenMpi, int Size, int LocalRank, int LocalSize)
{
    /// <summary>The launcher, or null when there is none.</summary>
    /// <param name="variable">Gives a variable of the environment, or null.</param>
    public static MpiLauncher? Of(Func<string, string?> variable)
    {
        if (Number(variable("OMPI_COMM_WORLD_SIZE")) is { } ompi)
            return new("Open MPI's mpirun", true, ompi, Number(variable("OMPI_COMM_WORLD_LOCAL_RANK"))
                ?? 0, Number(variable("OMPI_COMM_WORLD_LOCAL_SIZE")) ?? ompi);
        // Slurm with --mpi=pmix gives Open MPI its processes, with --mpi=pmi2 MPICH its; MPICH's own launchers set PMI_SIZE alone.
        int? perNode = Number(variable("SLURM_NTASKS_PER_NODE"));
        int? slurm = Number(variable("SLURM_NTASKS")), slurmLocal = Number(variable("SLURM_LOCALID"));
        if (Number(variable("PMI_SIZE")) is { } pmi)
            return new(slurmLocal is null ? "MPICH's mpirun" : "srun --mpi=pmi2", false, pmi, Number(variable("MPI_LOCALRANKID"))
                ?? slurmLocal ?? 0, Number(variable("MPI_LOCALNRANKS")) ?? perNode ?? pmi);
        if (variable("PMIX_RANK") is not null && slurm is { } tasks)
            return new("srun --mpi=pmix", true, Number(variable("SLURM_STEP_NUM_TASKS")) ?? tasks, slurmLocal ?? 0, perNode
                ?? Number(variable("SLURM_STEP_NUM_TASKS")) ?? tasks);
        return null;
    }

    private static int? Number(string? text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
