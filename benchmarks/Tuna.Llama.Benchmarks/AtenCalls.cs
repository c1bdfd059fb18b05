using System.Runtime.InteropServices;

namespace Tuna.Llama.Benchmarks;

/// <summary>Counts what libtorch is asked for: its operators, those that autograd and other operators call among them, as its own profiler
/// sees them.</summary>
/// <remarks>
/// By a callback of at::RecordFunction, on whose layout in x86-64 Linux builds of libtorch 2.x this relies: a program that measures may, a
/// library may not.
/// </remarks>
internal static unsafe class AtenCalls
{
    private static long s_all;
    private static long s_outer;

    [ThreadStatic]
    private static int t_depth;

    /// <summary>All operators.</summary>
    public static long All => s_all;

    /// <summary>Those that no other operator called.</summary>
    public static long Outer => s_outer;

    /// <summary>Begins to count; false where it cannot. Never ends.</summary>
    public static bool TryStart()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return false;
        // What TorchSharp has loaded already; symbols of the one library are found from another that was linked with it.
        nint library = NativeLibrary.Load("libLibTorchSharp.so", typeof(TorchSharp.torch).Assembly, null);
        if (!NativeLibrary.TryGetExport(library, "_ZN2at17addGlobalCallbackENS_22RecordFunctionCallbackE", out nint add))
            return false;
        var callback = new Callback { Start = &Start, End = &End, Probability = 1 };
        callback.Scopes[0] = 1; // operators
        ((delegate* unmanaged<Callback, ulong>)add)(callback);
        return true;
    }

    // std::unique_ptr<ObserverContext> (const RecordFunction&): the result's place is the first argument.
    [UnmanagedCallersOnly]
    private static nint Start(nint result, nint function)
    {
        *(nint*)result = 0;
        Interlocked.Increment(ref s_all);
        if (t_depth++ == 0)
            Interlocked.Increment(ref s_outer);
        return result;
    }

    [UnmanagedCallersOnly]
    private static void End(nint function, nint context) => t_depth--;

    // at::RecordFunctionCallback
    [StructLayout(LayoutKind.Sequential)]
    private struct Callback
    {
        public delegate* unmanaged<nint, nint, nint> Start;
        public delegate* unmanaged<nint, nint, void> End;
        public double Probability;
        public fixed byte Scopes[16]; // ten of them, and whether inputs, outputs and ids are wanted
    }
}
