using System.Globalization;
using System.Runtime.CompilerServices;
using Tuna.Llama.Runtime;
using TorchSharp;

namespace Tuna.Llama;

/// <summary>Finds libtorch and devices, with errors that say what is missing and what to do.</summary>
/// <remarks>
/// libtorch is looked for in the folder named by <see cref="UseLibtorch"/> or by the environment variable <c>TUNA_LIBTORCH</c>, else beside
/// the program, else in NuGet's folder of packages. On Linux, where the system's libstdc++ is that of GCC 12, a copy of TorchSharp's native
/// library that does without GCC 13's is loaded from the user's cache (<c>XDG_CACHE_HOME</c>, else <c>~/.cache</c>, in <c>tuna/native</c>);
/// the environment variable <c>TUNA_NATIVE_COPY=0</c> or the <see cref="AppContext"/> switch
/// <c>Tuna.Llama.NativeCopy</c> set to false turns that off.
/// </remarks>
public static class TorchRuntime
{
    /// <summary>The TorchSharp version that Tuna is built and tested with.</summary>
    public const string PackageVersion = NativeVersions.TorchSharp;

    /// <summary>The libtorch (and PyTorch) version that this TorchSharp is built for.</summary>
    public const string LibtorchVersion = NativeVersions.Libtorch;

    /// <summary>Loads libtorch, once. <see cref="OpenDevice"/> does it; a program that uses TorchSharp before it opens a policy calls this
    /// first.</summary>
    /// <exception cref="TorchUnavailableException">libtorch is missing, the system's loader refuses it, or it is of another
    /// version.</exception>
    public static void Load() => TorchLoader.Load(null);

    /// <summary>Loads libtorch from a folder, before anything else in the process has used it.</summary>
    /// <param name="folder">A NuGet package's folder (<c>libtorch-cpu-linux-x64</c>), a PyTorch installation's <c>torch</c> or
    /// <c>torch/lib</c>, or an unpacked libtorch, of the minor
    /// version of <see cref="LibtorchVersion"/>.</param>
    /// <exception cref="TorchUnavailableException">The folder has no libtorch, or one of another version; or the system's loader refuses
    /// it.</exception>
    /// <exception cref="InvalidOperationException">libtorch is loaded already, from another folder.</exception>
    public static void UseLibtorch(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        TorchLoader.Load(folder);
    }

    /// <summary>Opens a device: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>.</summary>
    /// <exception cref="ArgumentException">There is no such kind of device.</exception>
    /// <exception cref="TorchUnavailableException">libtorch is missing, the system's loader refuses it, it is of another version, or it
    /// finds no such GPU.</exception>
    public static torch.Device OpenDevice(string device)
    {
        (DeviceType type, int index) = Parse(device);
        Load();
        try
        {
            return Open(device, type, index);
        }
        catch (Exception e) when (LoadFailure.IsMissingLibrary(e))
        {
            throw LoadFailure.Of(e);
        }
    }

    internal static (DeviceType Type, int Index) Parse(string device)
    {
        ArgumentException.ThrowIfNullOrEmpty(device);
        if (device == "cpu")
            return (DeviceType.CPU, 0);
        if (device == "cuda")
            return (DeviceType.CUDA, 0);
        if (device.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(device.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out int index))
            return (DeviceType.CUDA, index);
        throw new ArgumentException($"There is no device '{device}'; use cpu, cuda or cuda:N.", nameof(device));
    }

    // Apart from its caller, so that TorchSharp's static initialization cannot come before the loading.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static torch.Device Open(string device, DeviceType type, int index)
    {
        torch.InitializeDeviceType(DeviceType.CPU);
        if (type == DeviceType.CPU)
            return torch.CPU;
        if (!torch.cuda.is_available())
            throw new TorchUnavailableException(LoadFailure.NoGpu(device, TorchLoader.LoadedFolder()));
        int count = torch.cuda.device_count();
        if (index >= count)
            throw new TorchUnavailableException($"The device is '{device}', but the GPUs here are cuda:0 to cuda:{count - 1}.");
        torch.InitializeDeviceType(DeviceType.CUDA);
        return new torch.Device(DeviceType.CUDA, index);
    }
}
