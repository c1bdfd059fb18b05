using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors.Cuda;

/// <summary>Kernels compiled for one device, ready to be launched over tensors.</summary>
internal class KernelModule : IDisposable
{
    private readonly nint _context;
    private readonly nint _module;
    private readonly Dictionary<string, nint> _functions = new(StringComparer.Ordinal);

    /// <param name="context">The device's context.</param>
    /// <param name="module">The compiled module; 0 for none.</param>
    protected KernelModule(nint context, nint module)
    {
        _context = context;
        _module = module;
    }

    /// <summary>Compiles sources of this assembly for a device.</summary>
    /// <exception cref="InvalidOperationException">There is no compiler, or it refuses a source.</exception>
    public static KernelModule Compile(int device, IEnumerable<string> files, IEnumerable<string> defines)
    {
        (nint context, int capability) = CudaDriver.Attach(device);
        byte[] image = Nvrtc.Compile(Source(files), capability, defines);
        return new KernelModule(context, CudaDriver.LoadModule(image));
    }

    /// <summary>The text of sources that are embedded in this assembly, one after the other, what they share first.</summary>
    public static string Source(IEnumerable<string> files)
    {
        var text = new System.Text.StringBuilder();
        foreach (string file in files.Prepend("common.cuh"))
        {
            using Stream stream = typeof(KernelModule).Assembly.GetManifestResourceStream("Tuna.Llama.Cuda." + file)!;
            using var reader = new StreamReader(stream);
            text.AppendLine(reader.ReadToEnd());
        }

        return text.ToString();
    }

    /// <summary>Launches a kernel; see <see cref="Argument"/> for its arguments.</summary>
    public virtual void Launch(string name, (int X, int Y) grid, int threads, int shared, params ReadOnlySpan<ulong> arguments)
    {
        if (grid.X == 0 || grid.Y == 0)
            return;
        CudaDriver.SetCurrent(_context);
        if (!_functions.TryGetValue(name, out nint function))
            _functions[name] = function = CudaDriver.GetFunction(_module, name);
        CudaDriver.Launch(function, grid, threads, shared, arguments);
    }

    /// <summary>Launches a kernel with a thread for each of a number of elements.</summary>
    public void LaunchEach(string name, long elements, params ReadOnlySpan<ulong> arguments) =>
        Launch(name, ((int)((elements + 255) / 256), 1), 256, 0, arguments);

    public void Dispose()
    {
        if (_module != 0)
            CudaDriver.UnloadModule(_module);
    }
}

/// <summary>Arguments of kernels, as the bits that a launch passes.</summary>
internal static unsafe class Argument
{
    private static readonly Lazy<nint> Data = new(() =>
    {
        string name = OperatingSystem.IsWindows()
            ? "LibTorchSharp.dll" : OperatingSystem.IsMacOS() ? "libLibTorchSharp.dylib" : "libLibTorchSharp.so";
        return NativeLibrary.GetExport(NativeLibrary.Load(name, typeof(TorchSharp.torch).Assembly, null), "THSTensor_data");
    });

    /// <summary>The address of a tensor's first element; 0 for none.</summary>
    public static ulong Of(Tensor? tensor) => tensor is null ? 0 : (ulong)((delegate* unmanaged<nint, nint>)Data.Value)(tensor.Handle);

    public static ulong Of(int value) => (uint)value;

    public static ulong Of(long value) => (ulong)value;

    public static ulong Of(float value) => BitConverter.SingleToUInt32Bits(value);
}
