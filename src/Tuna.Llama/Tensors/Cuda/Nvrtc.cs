using System.Runtime.InteropServices;
using System.Text;

namespace Tuna.Llama.Tensors.Cuda;

/// <summary>NVIDIA's run-time compiler, which comes with libtorch's CUDA packages: CUDA C++ to a device's machine code.</summary>
internal static unsafe class Nvrtc
{
    private static readonly Lazy<nint> Library = new(Open);

    /// <summary>Whether the compiler was found.</summary>
    public static bool IsAvailable => Library.Value != 0;

    /// <summary>Compute capabilities that the compiler knows, 90 for 9.0; none where it was not found.</summary>
    public static int[] Capabilities()
    {
        if (!IsAvailable)
            return [];
        int count;
        Check(((delegate* unmanaged<int*, int>)Export("nvrtcGetNumSupportedArchs"))(&count), "nvrtcGetNumSupportedArchs");
        int[] known = new int[count];
        fixed (int* list = known)
            Check(((delegate* unmanaged<int*, int>)Export("nvrtcGetSupportedArchs"))(list), "nvrtcGetSupportedArchs");
        return known;
    }

    /// <summary>Compiles a source.</summary>
    /// <param name="source">CUDA C++ without includes.</param>
    /// <param name="capability">Compute capability of the device, 90 for 9.0.</param>
    /// <param name="defines">Preprocessor symbols, as NAME or NAME=VALUE.</param>
    /// <returns>The module's image.</returns>
    /// <exception cref="InvalidOperationException">The compiler is missing, or refuses the source; the message holds its log.</exception>
    public static byte[] Compile(string source, int capability, IEnumerable<string> defines)
    {
        if (!IsAvailable)
            throw new InvalidOperationException("NVRTC (libnvrtc, nvrtc64) was not found beside libtorch.");
        nint program;
        fixed (byte* text = Terminated(source), name = Terminated("tuna.cu"))
            Check(((delegate* unmanaged<nint*, byte*, byte*, int, nint, nint, int>)Export("nvrtcCreateProgram"))(&program, text, name, 0, 0,
                0), "nvrtcCreateProgram");
        try
        {
            byte[][] options = [.. defines.Select(d => Terminated("-D" + d)), Terminated($"--gpu-architecture=sm_{capability}"),
                Terminated("--std=c++17")];
            GCHandle[] pins = Array.ConvertAll(options, o => GCHandle.Alloc(o, GCHandleType.Pinned));
            nint[] pointers = Array.ConvertAll(pins, p => p.AddrOfPinnedObject());
            int result;
            fixed (nint* list = pointers)
                result = ((delegate* unmanaged<nint, int, nint*, int>)Export("nvrtcCompileProgram"))(program, pointers.Length, list);
            Array.ForEach(pins, p => p.Free());
            if (result != 0)
                throw new InvalidOperationException("NVRTC: " + Encoding.UTF8.GetString(Read(program, "nvrtcGetProgramLog")).TrimEnd('\0'));
            return Read(program, "nvrtcGetCUBIN");
        }
        finally
        {
            _ = ((delegate* unmanaged<nint*, int>)Export("nvrtcDestroyProgram"))(&program);
        }
    }

    private static byte[] Read(nint program, string what)
    {
        nuint size;
        Check(((delegate* unmanaged<nint, nuint*, int>)Export(what + "Size"))(program, &size), what);
        var bytes = new byte[size];
        fixed (byte* target = bytes)
            Check(((delegate* unmanaged<nint, byte*, int>)Export(what))(program, target), what);
        return bytes;
    }

    private static byte[] Terminated(string text) => Encoding.UTF8.GetBytes(text + "\0");

    private static nint Export(string name) => NativeLibrary.GetExport(Library.Value, name);

    private static void Check(int result, string what)
    {
        if (result != 0)
            throw new InvalidOperationException($"NVRTC: {what} failed with code {result}.");
    }

    private static nint Open()
    {
        foreach (string path in Candidates())
        {
            if (NativeLibrary.TryLoad(path, out nint library))
                return library;
        }

        return 0;
    }

    private static IEnumerable<string> Candidates()
    {
        if (OperatingSystem.IsWindows())
            return Folders().SelectMany(f => Files(f, "nvrtc64_*.dll")).Concat(["nvrtc64_130_0.dll", "nvrtc64_120_0.dll"]);
        return Folders().SelectMany(f => Files(f, "libnvrtc*.so*")).Concat(["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"]);
    }

    /// <summary>Beside libtorch, and where PyTorch's wheels keep NVIDIA's libraries: nvidia/*/lib next to torch/lib.</summary>
    private static HashSet<string> Folders()
    {
        HashSet<string> folders = [];
        using (var self = System.Diagnostics.Process.GetCurrentProcess())
        {
            foreach (System.Diagnostics.ProcessModule module in self.Modules)
            {
                if (module.ModuleName.Contains("torch_cuda", StringComparison.Ordinal)
                    || module.ModuleName.Contains("cudart", StringComparison.Ordinal))
                    folders.Add(Path.GetDirectoryName(module.FileName)!);
            }
        }

        foreach (string folder in folders.ToArray())
        {
            string packages = Path.GetFullPath(Path.Combine(folder, "..", "..", "nvidia"));
            if (Directory.Exists(packages))
                folders.UnionWith(Directory.EnumerateDirectories(packages).Select(d => Path.Combine(d, "lib")));
        }

        return folders;
    }

    // Not NVRTC's builtins or its alternative build, whose names begin alike.
    private static IEnumerable<string> Files(string folder, string pattern) => !Directory.Exists(folder) ? [] :
        Directory.EnumerateFiles(folder, pattern)
            .Where(f => !f.Contains("builtins", StringComparison.Ordinal) && !f.Contains("alt", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal);
}
