using System.Runtime.InteropServices;
using System.Text;

namespace Tuna.Distributed.Mpi;

/// <summary>The few functions of an MPI library that a process group needs, by their addresses: no header and no wrapper decides whose they
/// are.</summary>
internal sealed unsafe partial class MpiLibrary
{
    private const int RoomForText = 8192; // MPI_MAX_LIBRARY_VERSION_STRING of all of them
    private const int Tag = 7;
    private const string StandardAbi = "libmpi_abi.so.1"; // of MPI 5, chapter 20

    private readonly nint _library;
    private readonly MpiAbi _abi;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int> _send;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int> _receive;
    private readonly delegate* unmanaged[Cdecl]<nint*, int*, nint, int> _test;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, nint*, int> _broadcast;
    private readonly delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, nint*, int> _allGather;

    private MpiLibrary(nint library, string name)
    {
        _library = library;
        Name = name;
        _abi = MpiAbi.Of(library, name);
        _send = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int>)Export("MPI_Isend");
        _receive = (delegate* unmanaged[Cdecl]<void*, int, nint, int, int, nint, nint*, int>)Export("MPI_Irecv");
        _test = (delegate* unmanaged[Cdecl]<nint*, int*, nint, int>)Export("MPI_Test");
        _broadcast = (delegate* unmanaged[Cdecl]<void*, int, nint, int, nint, nint*, int>)Export("MPI_Ibcast");
        _allGather = (delegate* unmanaged[Cdecl]<void*, int, nint, void*, int, nint, nint, nint*, int>)Export("MPI_Iallgather");
    }

    /// <summary>The file that was loaded.</summary>
    public string Name { get; }

    /// <summary>Whose binary interface it has.</summary>
    public string AbiName => _abi.Name;

    /// <summary>The names to look for under a launcher.</summary>
    public static IReadOnlyList<string> Names(MpiLauncher? launcher) => launcher switch
    {
        { IsOpenMpi: true } => ["libmpi.so.40", "libmpi.so", StandardAbi],
        { IsOpenMpi: false } => ["libmpich.so.12", "libmpi.so.12", StandardAbi, "libmpich.so"],
        null => ["libmpi.so.40", "libmpich.so.12", "libmpi.so.12", StandardAbi],
    };

    /// <summary>Loads the first of some libraries that is there.</summary>
    /// <exception cref="MpiUnavailableException">None is.</exception>
    public static MpiLibrary Load(IReadOnlyList<string> names, MpiLauncher? launcher)
    {
        // UCX, which MPICH and Open MPI may bring, takes over SIGSEGV, by which .NET notices null references. It reads the C environment
        // when it is loaded, which .NET's own does not write to.
        if (Environment.GetEnvironmentVariable("UCX_ERROR_SIGNALS") is null)
            SetVariable("UCX_ERROR_SIGNALS", "");
        foreach (string name in names)
        {
            if (!NativeLibrary.TryLoad(name, out nint library))
                continue;
            if (NativeLibrary.TryGetExport(library, "MPI_Init_thread", out _)
                && NativeLibrary.TryGetExport(library, "MPI_Iallgather", out _))
                return new MpiLibrary(library, name);
            NativeLibrary.Free(library);
        }

        string package = launcher is { IsOpenMpi: false } ? "mpich" : "openmpi-bin";
        throw new MpiUnavailableException(
            $"No MPI library of version 3 or later was found; tried {string.Join(", ", names)}. On Debian and Ubuntu: apt-get install "
            + $"{package}. On a cluster, load its MPI module, or name the library's file.");
    }

    /// <summary>Begins; what it says of this process.</summary>
    public (int Rank, int Size) Initialize()
    {
        int provided, rank, size;
        Check(((delegate* unmanaged[Cdecl]<int*, byte***, int, int*, int>)Export("MPI_Init_thread"))(null, null, _abi.Serialized,
            &provided));
        Check(((delegate* unmanaged[Cdecl]<nint, nint, int>)Export("MPI_Comm_set_errhandler"))(_abi.World, _abi.ErrorsReturn));
        Check(((delegate* unmanaged[Cdecl]<nint, int*, int>)Export("MPI_Comm_rank"))(_abi.World, &rank));
        Check(((delegate* unmanaged[Cdecl]<nint, int*, int>)Export("MPI_Comm_size"))(_abi.World, &size));
        return provided >= _abi.Serialized
            ? (rank, size)
            : throw new MpiUnavailableException(
                $"{Name} gives thread level {provided}; {_abi.Serialized} (MPI_THREAD_SERIALIZED) is needed. Use a build of {AbiName} "
                + $"with threads.");
    }

    /// <summary>The library's own words about its version.</summary>
    public string Version()
    {
        byte* text = stackalloc byte[RoomForText];
        int length;
        Check(((delegate* unmanaged[Cdecl]<byte*, int*, int>)Export("MPI_Get_library_version"))(text, &length));
        string all = Encoding.UTF8.GetString(text, Math.Min(length, RoomForText)).Trim('\0', ' ', '\n');
        int end = all.AsSpan().IndexOfAny('\n', ',');
        return end < 0 ? all : all[..end];
    }

    public nint Send(void* data, int bytes, int peer)
    {
        nint request = 0;
        Check(_send(data, bytes, _abi.Byte, peer, Tag, _abi.World, &request));
        return request;
    }

    public nint Receive(void* data, int bytes, int peer)
    {
        nint request = 0;
        Check(_receive(data, bytes, _abi.Byte, peer, Tag, _abi.World, &request));
        return request;
    }

    public nint Broadcast(void* data, int bytes, int root)
    {
        nint request = 0;
        Check(_broadcast(data, bytes, _abi.Byte, root, _abi.World, &request));
        return request;
    }

    public nint AllGather(double* mine, int count, double* all)
    {
        nint request = 0;
        Check(_allGather(mine, count, _abi.Double, all, count, _abi.Double, _abi.World, &request));
        return request;
    }

    /// <summary>Whether a request is done; it is freed then.</summary>
    public bool Test(ref nint request)
    {
        int done = 0;
        fixed (nint* r = &request)
            Check(_test(r, &done, _abi.StatusIgnore));
        return done != 0;
    }

    public void Abort(int code) => ((delegate* unmanaged[Cdecl]<nint, int, int>)Export("MPI_Abort"))(_abi.World, code);

    /// <summary>Ends; waits for all processes.</summary>
    public void EndAll() => Check(((delegate* unmanaged[Cdecl]<int>)Export("MPI_Finalize"))());

    private void Check(int code)
    {
        if (code == 0)
            return;
        byte* text = stackalloc byte[RoomForText];
        int length = 0;
        ((delegate* unmanaged[Cdecl]<int, byte*, int*, int>)Export("MPI_Error_string"))(code, text, &length);
        throw new ProcessGroupException(
            $"{AbiName}: {Encoding.UTF8.GetString(text, Math.Clamp(length, 0, RoomForText))} (code {code}). Another process may be gone; "
            + $"start the job again, it goes on from its last checkpoint.");
    }

    /// <summary>Sets a variable where native libraries see it: .NET's own setter does not write to the C environment.</summary>
    internal static void SetVariable(string name, string value)
    {
        if (!OperatingSystem.IsWindows())
            _ = SetEnvironment(name, value, 1);
    }

    private nint Export(string name) => NativeLibrary.GetExport(_library, name);

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
