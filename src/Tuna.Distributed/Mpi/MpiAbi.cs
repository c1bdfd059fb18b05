using System.Runtime.InteropServices;

namespace Tuna.Distributed.Mpi;

/// <summary>The predefined handles of one MPI binary interface.</summary>
/// <remarks>
/// Handles are 32 bits in MPICH's and pointers in the others: <see cref="nint"/> holds both, and a callee that reads 32 bits finds them.
/// MPICH's numbers are fixed by the MPICH ABI initiative, which Intel MPI, MVAPICH and Cray MPICH follow; the standard's by MPI 5.0,
/// chapter 20.
/// </remarks>
/// <param name="Name">For messages.</param>
/// <param name="World">MPI_COMM_WORLD.</param>
/// <param name="Byte">MPI_BYTE.</param>
/// <param name="Double">MPI_DOUBLE.</param>
/// <param name="ErrorsReturn">MPI_ERRORS_RETURN.</param>
/// <param name="StatusIgnore">MPI_STATUS_IGNORE.</param>
/// <param name="Serialized">MPI_THREAD_SERIALIZED.</param>
internal sealed record MpiAbi(string Name, nint World, nint Byte, nint Double, nint ErrorsReturn, nint StatusIgnore, int Serialized)
{
    /// <summary>The interface of a loaded library: Open MPI's handles are addresses of its own, the standard's library has the standard's
    /// name, and the rest is MPICH's.</summary>
    public static MpiAbi Of(nint library, string name)
    {
        if (name.Contains("mpi_abi", StringComparison.Ordinal))
            return new("MPI 5 ABI", 0x101, 0x247, 0x214, 0x143, 0, 2048);
        if (NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out nint world))
        {
            return new(
                "Open MPI", world, NativeLibrary.GetExport(library, "ompi_mpi_byte"), NativeLibrary.GetExport(library, "ompi_mpi_double"),
                NativeLibrary.GetExport(library, "ompi_mpi_errors_return"), 0, 2);
        }

        return new("MPICH", 0x44000000, 0x4c00010d, 0x4c00080b, 0x54000001, 1, 2);
    }
}
