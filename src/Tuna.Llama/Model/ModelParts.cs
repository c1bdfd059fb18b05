using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>What a run over the layers needs to know of a model beside its weights.</summary>
internal sealed class ModelParts : IDisposable
{
    public ModelParts(LlamaConfig config, Device device, ScalarType dtype, bool kernels)
    {
        (Device, DType) = (device, dtype);
        Shape = new HeadShape(config.HeadCount, config.KeyValueHeadCount, config.HeadDimension);
        Operations = Operations.For(device, dtype, Shape, kernels, out string? noKernels);
        string? noFlash = FlashAttention.Unsupported(device, dtype, Shape);
        Flash = noFlash is null ? FlashAttention.TryCreate(out noFlash) : null;
        string[] reasons = [.. new[] { noKernels, noFlash }.OfType<string>()];
        Acceleration = new Acceleration(Operations.Kernels is not null, Flash is not null, device.type == DeviceType.CUDA && reasons.Length > 0 ? string.Join(" ", reasons) : null);
        Frequencies = new double[config.HeadDimension / 2];
        for (int i = 0; i < Frequencies.Length; i++)
            Frequencies[i] = config.RopeScaling.Apply(Math.Pow(config.RopeTheta, -2.0 * i / config.HeadDimension));
    }

    /// <summary>Where the weights are.</summary>
    public Device Device { get; }

    /// <summary>The type that the model computes in.</summary>
    public ScalarType DType { get; }

    /// <summary>The heads.</summary>
    public HeadShape Shape { get; }

    /// <summary>Rotary angle of position 1 for each pair of places, [E / 2].</summary>
    public double[] Frequencies { get; }

    /// <summary>The row-wise work.</summary>
    public Operations Operations { get; }

    /// <summary>Attention over sequences of any lengths, or null where libtorch has none.</summary>
    public FlashAttention? Flash { get; }

    /// <summary>Which of the two there are, and why not the other.</summary>
    public Acceleration Acceleration { get; }

    public void Dispose()
    {
        Operations.Dispose();
        Flash?.Dispose();
    }
}
