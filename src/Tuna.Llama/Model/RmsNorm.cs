using Tuna.Llama.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>RMSNorm (Zhang and Sennrich, arXiv 1910.07467): y = w x / sqrt(mean(x^2) + eps), the mean in single precision whatever the type
/// of x.</summary>
internal sealed class RmsNorm : LlamaModule
{
    private readonly Parameter _weight;
    private readonly double _epsilon;

    public RmsNorm(int width, double epsilon, Device device, ScalarType dtype)
        : base(nameof(RmsNorm))
    {
        Weight = new Weight(device, dtype, [width], null);
        _weight = Add("weight", Weight);
        _epsilon = epsilon;
    }

    public Weight Weight { get; }

    /// <summary>[N, D] to [N, D], recorded by autograd.</summary>
    public Tensor Forward(Tensor x)
    {
        Tensor wide = x.to(ScalarType.Float32);
        Tensor scale = wide.square().mean([-1], keepdim: true).add(_epsilon).rsqrt();
        return _weight * (wide * scale).to(x.dtype);
    }

    /// <summary>[N, D] to [N, D].</summary>
    public Tensor Run(Tensor x, Operations operations) => operations.Norm(x, Weight.Data, _epsilon);

    /// <summary>Adds the weight's gradient up and returns dL/dx, plus the gradient that goes around the norm.</summary>
    public Tensor Backward(Tensor dy, Tensor x, Tensor? around, Operations operations)
    {
        Tensor dx = operations.NormBackward(dy, x, Weight.Data, _epsilon, around, out Tensor dw);
        Weight.Trained?.Add(dw);
        dw.Dispose();
        return dx;
    }
}
