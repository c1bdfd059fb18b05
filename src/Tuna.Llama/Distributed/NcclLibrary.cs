using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tuna.Distributed;

namespace Tuna.Llama.Distributed;

/// <summary>What tells the processes of an NCCL communicator that they belong together: 128 bytes, passed by value (<c>ncclUniqueId</c> of
/// nccl.h).</summary>
[InlineArray(Bytes)]
internal struct NcclUniqueId
{
    public const int Bytes = 128;

    private byte _first;
}

/// <summary>The functions of NCCL that training needs (nccl.h, version 2), by their addresses.</summary>
internal sealed unsafe class NcclLibrary
{
    // ncclDataType_t and ncclRedOp_t.
    private const int Char = 0, Float32 = 7, Sum = 0;

    private readonly nint _library;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int> _allReduce;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int> _reduceScatter;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nuint, int, nint, nint, int> _allGather;
    private readonly delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int> _broadcast;

    public NcclLibrary(nint library)
    {
        _library = library;
        _allReduce = (delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int>)Export("ncclAllReduce");
        _reduceScatter = (delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int>)Export("ncclReduceScatter");
        _allGather = (delegate* unmanaged[Cdecl]<nint, nint, nuint, int, nint, nint, int>)Export("ncclAllGather");
        _broadcast = (delegate* unmanaged[Cdecl]<nint, nint, nuint, int, int, nint, nint, int>)Export("ncclBroadcast");
    }

    /// <summary>Looks in libtorch's CUDA library, whose builds hold NCCL or bring it, then for NCCL by itself; null where there is
    /// none.</summary>
    public static NcclLibrary? Find()
    {
        foreach (string name in (string[])["libtorch_cuda.so", "libnccl.so.2"])
        {
            if (NativeLibrary.TryLoad(name, out nint library) && NativeLibrary.TryGetExport(library, "ncclCommInitRank", out _))
                return new NcclLibrary(library);
        }

        return null;
    }

    /// <summary>As NCCL counts: 10000 major + 100 minor + patch since 2.9.</summary>
    public int Version
    {
        get
        {
            int version = 0;
            Check(((delegate* unmanaged[Cdecl]<int*, int>)Export("ncclGetVersion"))(&version));
            return version;
        }
    }

    public NcclUniqueId UniqueId()
    {
        NcclUniqueId id = default;
        Check(((delegate* unmanaged[Cdecl]<NcclUniqueId*, int>)Export("ncclGetUniqueId"))(&id));
        return id;
    }

    /// <summary>Joins a communicator on the current GPU; collective.</summary>
    public nint Initialize(int ranks, NcclUniqueId id, int rank)
    {
        nint communicator = 0;
        Check(((delegate* unmanaged[Cdecl]<nint*, int, NcclUniqueId, int, int>)Export("ncclCommInitRank"))(&communicator, ranks, id, rank));
        return communicator;
    }

    /// <summary>Sums Float32 numbers in place, on a stream.</summary>
    public void AllReduce(nint data, long count, nint communicator, nint stream) =>
        Check(_allReduce(data, data, (nuint)count, Float32, Sum, communicator, stream));

    /// <summary>Sums Float32 numbers, a rank's part for that rank, on a stream; in place, which NCCL takes from where the result
    /// lies.</summary>
    /// <param name="data">The parts of all ranks.</param>
    /// <param name="part">Numbers of a part.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="communicator">The communicator.</param>
    /// <param name="stream">The stream.</param>
    public void ReduceScatter(nint data, long part, int rank, nint communicator, nint stream) =>
        Check(_reduceScatter(data, data + (nint)(rank * part * sizeof(float)), (nuint)part, Float32, Sum, communicator, stream));

    /// <summary>Copies every rank's part to all, in place, on a stream.</summary>
    /// <param name="data">The parts of all ranks; this one's is there.</param>
    /// <param name="part">Bytes of a part.</param>
    /// <param name="rank">This rank.</param>
    /// <param name="communicator">The communicator.</param>
    /// <param name="stream">The stream.</param>
    public void AllGather(nint data, long part, int rank, nint communicator, nint stream) =>
        Check(_allGather(data + (nint)(rank * part), data, (nuint)part, Char, communicator, stream));

    /// <summary>Copies bytes in place from one rank, on a stream.</summary>
    public void Broadcast(nint data, long bytes, int root, nint communicator, nint stream) =>
        Check(_broadcast(data, data, (nuint)bytes, Char, root, communicator, stream));

    public void Destroy(nint communicator) => Check(((delegate* unmanaged[Cdecl]<nint, int>)Export("ncclCommDestroy"))(communicator));

    private void Check(int code)
    {
        if (code == 0)
            return;
        string what = Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<int, nint>)Export("ncclGetErrorString"))(code)) ?? "";
        string last = NativeLibrary.TryGetExport(_library, "ncclGetLastError", out nint get)
            ? Marshal.PtrToStringUTF8(((delegate* unmanaged[Cdecl]<nint, nint>)get)(0)) ?? "" : "";
        throw new ProcessGroupException(
            $"NCCL: {what} (code {code}). {last} Each process needs a GPU of its own; NCCL_DEBUG=INFO says more.");
    }

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);
}
