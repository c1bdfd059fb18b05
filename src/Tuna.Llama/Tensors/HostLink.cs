using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>The one place where numbers of a step, a score or a token cross between the device and the host, and where it is counted how
/// often.</summary>
/// <remarks>
/// A read waits until the device has computed everything that it was asked for before; until then the host runs ahead. A write does not
/// wait: on a GPU it goes from page-locked memory, which libtorch keeps until the device has read it. From ordinary memory libtorch
/// would wait for the device at every write. Checkpoints, and members for inspection, read tensors themselves.
/// </remarks>
internal sealed class HostLink
{
    /// <summary>How often the host waited for numbers.</summary>
    public long Reads { get; private set; }

    /// <summary>Bytes of those numbers.</summary>
    public long ReadBytes { get; private set; }

    /// <summary>How often numbers were sent, without waiting.</summary>
    public long Writes { get; private set; }

    /// <summary>All elements of a tensor of type T, in order.</summary>
    public T[] Read<T>(Tensor tensor)
        where T : unmanaged
    {
        using DisposeScope scope = NewDisposeScope();
        T[] values = tensor.cpu().contiguous().data<T>().ToArray();
        Reads++;
        unsafe
        {
            ReadBytes += (long)values.Length * sizeof(T);
        }

        return values;
    }

    /// <summary>The only element of a tensor of type T.</summary>
    public T ReadOne<T>(Tensor tensor)
        where T : unmanaged => Read<T>(tensor)[0];

    /// <summary>Numbers on a device, [count], in the caller's scope.</summary>
    public Tensor Write(long[] values, Device device) => Sent(tensor(values), device);

    /// <inheritdoc cref="Write(long[], Device)"/>
    public Tensor Write(int[] values, Device device) => Sent(tensor(values), device);

    /// <inheritdoc cref="Write(long[], Device)"/>
    public Tensor Write(float[] values, Device device) => Sent(tensor(values), device);

    /// <inheritdoc cref="Write(long[], Device)"/>
    public Tensor Write(double[] values, Device device) => Sent(tensor(values), device);

    /// <summary>Indices on a device, Int64, [count], in the caller's scope.</summary>
    public Tensor WriteIndices(int[] values, Device device) => Write(Array.ConvertAll(values, v => (long)v), device);

    private Tensor Sent(Tensor values, Device device)
    {
        Writes++;
        if (device.type != DeviceType.CUDA)
            return values;
        using (values)
        {
            using Tensor locked = values.pin_memory();
            return locked.to(device, non_blocking: true);
        }
    }
}
