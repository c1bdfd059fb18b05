using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>What a run over the layers needs to know of a model beside its weights.</summary>
internal sealed class ModelParts : IDisposable
{
    /// <param name="config">The architecture.</param>
    /// <param name="device">Where the weights are.</param>
    /// <param name="dtype">The type that the model computes in.</param>
    /// <param name="kernels">Whether kernels of our own may be compiled.</param>
    /// <param name="attention">Attention over sequences of any lengths; null takes libtorch's where there is one.</param>
    /// <param name="operations">The row-wise work; null takes what suits the device.</param>
    public ModelParts(LlamaConfig config, Device device, ScalarType dtype, bool kernels, SequenceAttention? attention = null,
        Operations? operations = null)
    {
        (Device, DType) = (device, dtype);
        Shape = new HeadShape(config.HeadCount, config.KeyValueHeadCount, config.HeadDimension);
        string? noKernels = null;
        Operations = operations ?? Operations.For(device, dtype, Shape, kernels, out noKernels);
        string? noFlash = FlashAttention.Unsupported(device, dtype, Shape);
        Flash = attention ?? (noFlash is null ? FlashAttention.TryCreate(out noFlash) : null);
        string[] reasons = [.. new[] { noKernels, noFlash }.OfType<string>()];
        Acceleration = new Acceleration(Operations.Kernels is not null, Flash is not null, device.type == DeviceType.CUDA
            && reasons.Length > 0 ? string.Join(" ", reasons) : null);
        Rotation = new RotaryFrequencies(config.RopeScaling.Frequencies(config.RopeTheta, config.HeadDimension),
            config.RopeScaling.AttentionFactor);
    }

    /// <summary>Where the weights are.</summary>
    public Device Device { get; }

    /// <summary>The type that the model computes in.</summary>
    public ScalarType DType { get; }

    /// <summary>The heads.</summary>
    public HeadShape Shape { get; }

    /// <summary>How places turn with the position.</summary>
    public RotaryFrequencies Rotation { get; }

    /// <summary>The row-wise work.</summary>
    public Operations Operations { get; }

    /// <summary>Attention over sequences of any lengths, or null where libtorch has none.</summary>
    public SequenceAttention? Flash { get; }

    /// <summary>Which of the two there are, and why not the other.</summary>
    public Acceleration Acceleration { get; }

    public void Dispose()
    {
        Operations.Dispose();
        Flash?.Dispose();
    }
}
