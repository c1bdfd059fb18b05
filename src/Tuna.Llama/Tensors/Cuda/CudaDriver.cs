using System.Globalization;
using System.Runtime.InteropServices;

namespace Tuna.Llama.Tensors.Cuda;

/// <summary>The few functions of the CUDA driver that kernels of our own need. The driver is there wherever libtorch finds a GPU.</summary>
internal static unsafe class CudaDriver
{
    private static readonly Lazy<nint> Library = new(Open);

    private static readonly Lazy<nint> Launcher = new(() => NativeLibrary.GetExport(Library.Value, "cuLaunchKernel"));

    private static readonly Lazy<nint> Setter = new(() => NativeLibrary.GetExport(Library.Value, "cuCtxSetCurrent"));

    /// <summary>The context that libtorch uses on a device, and the device's compute capability, 90 for 9.0.</summary>
    public static (nint Context, int Capability) Attach(int device)
    {
        int handle, major, minor;
        nint context;
        Check(((delegate* unmanaged<uint, int>)Export("cuInit"))(0), "cuInit");
        Check(((delegate* unmanaged<int*, int, int>)Export("cuDeviceGet"))(&handle, device), "cuDeviceGet");
        var attribute = (delegate* unmanaged<int*, int, int, int>)Export("cuDeviceGetAttribute");
        Check(attribute(&major, 75, handle), "cuDeviceGetAttribute");
        Check(attribute(&minor, 76, handle), "cuDeviceGetAttribute");
        Check(((delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain"))(&context, handle), "cuDevicePrimaryCtxRetain");
        Check(((delegate* unmanaged<nint, int>)Export("cuCtxSetCurrent"))(context), "cuCtxSetCurrent");
        return (context, (10 * major) + minor);
    }

    /// <summary>Makes a context current on this thread: libtorch does so only where its own calls need it.</summary>
    public static void SetCurrent(nint context) => Check(((delegate* unmanaged<nint, int>)Setter.Value)(context), "cuCtxSetCurrent");

    /// <summary>Loads a compiled module.</summary>
    public static nint LoadModule(ReadOnlySpan<byte> image)
    {
        nint module;
        fixed (byte* bytes = image)
            Check(((delegate* unmanaged<nint*, byte*, int>)Export("cuModuleLoadData"))(&module, bytes), "cuModuleLoadData");
        return module;
    }

    public static void UnloadModule(nint module) => _ = ((delegate* unmanaged<nint, int>)Export("cuModuleUnload"))(module);

    public static nint GetFunction(nint module, string name)
    {
        nint function;
        fixed (byte* text = System.Text.Encoding.ASCII.GetBytes(name + "\0"))
            Check(((delegate* unmanaged<nint*, nint, byte*, int>)Export("cuModuleGetFunction"))(&function, module, text), name);
        return function;
    }

    /// <summary>Launches a kernel on the default stream, which libtorch works on: it runs after what was asked for before it.</summary>
    /// <param name="function">The kernel.</param>
    /// <param name="grid">Blocks.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="shared">Bytes of dynamic shared memory of a block.</param>
    /// <param name="arguments">Each argument's bits in 8 bytes.</param>
    public static void Launch(nint function, (int X, int Y) grid, int threads, int shared, ReadOnlySpan<ulong> arguments)
    {
        void** pointers = stackalloc void*[arguments.Length];
        fixed (ulong* values = arguments)
        {
            for (int i = 0; i < arguments.Length; i++)
                pointers[i] = values + i;
            var launch = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Launcher.Value;
            Check(launch(function, (uint)grid.X, (uint)grid.Y, 1, (uint)threads, 1, 1, (uint)shared, 0, pointers, null), "cuLaunchKernel");
        }
    }

    private static nint Export(string name) => NativeLibrary.GetExport(Library.Value, name);

    private static nint Open()
    {
        foreach (string name in OperatingSystem.IsWindows() ? new[] { "nvcuda.dll" } : ["libcuda.so.1", "libcuda.so"])
        {
            if (NativeLibrary.TryLoad(name, out nint library))
                return library;
        }

        throw new DllNotFoundException("The CUDA driver library was not found.");
    }

    private static void Check(int result, string what)
    {
        if (result == 0)
            return;
        byte* text = null;
        _ = ((delegate* unmanaged<int, byte**, int>)Export("cuGetErrorString"))(result, &text);
        string reason = text is null ? result.ToString(CultureInfo.InvariantCulture) : Marshal.PtrToStringUTF8((nint)text)!;
        throw new InvalidOperationException($"CUDA: {what}: {reason}.");
    }
}
