using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>A linear layer of the checkpoint, y = x W^T + b, with an optional low-rank adapter (LoRA, Hu et al., arXiv 2106.09685): +
/// (alpha / r) (dropout(x) A^T) B^T.</summary>
internal sealed class Projection : LlamaModule
{
    private readonly Parameter? _bias;
    private readonly int _index;
    private readonly Weight _weight;
    private readonly WeightPart _part;

    /// <param name="index">A number of its own in the model, which seeds its dropout.</param>
    /// <param name="weight">The weight that its own is a part of.</param>
    /// <param name="bias">The same for its bias, or null.</param>
    /// <param name="part">Which part.</param>
    /// <param name="lora">The adapter's settings, or null for none.</param>
    public Projection(int index, Weight weight, Weight? bias, int part, LoraOptions? lora)
        : base(nameof(Projection))
    {
        (_index, _weight, _part) = (index, weight, weight.Parts[part]);
        Add("weight", weight, part);
        if (bias is not null)
            _bias = Add("bias", bias, part);
        if (lora is null)
            return;
        (A, B) = (new Weight(weight.Device, weight.DType, [lora.Rank], (int)_part.Shape[1]),
            new Weight(weight.Device, weight.DType, [(int)Outputs], lora.Rank));
        LoraA = Add(LoraNames.A, A);
        LoraB = Add(LoraNames.B, B);
        Scaling = lora.Alpha / lora.Rank;
    }

    /// <summary>Width of its output.</summary>
    public long Outputs => _part.Shape[0];

    /// <summary>Its first column in the fused product's output.</summary>
    public long FirstOutput => _part.Row;

    /// <summary>A, [r, in], or null.</summary>
    public Parameter? LoraA { get; }

    /// <summary>B, [out, r], or null.</summary>
    public Parameter? LoraB { get; }

    public Weight? A { get; }

    public Weight? B { get; }

    /// <summary>alpha / r.</summary>
    public double Scaling { get; }

    /// <summary>W as it computes, [out, in], in the caller's scope.</summary>
    public Tensor Value() => _weight.Value(_part);

    /// <summary>[N, in] to [N, out], recorded by autograd.</summary>
    public Tensor Forward(Tensor x)
    {
        Tensor y = nn.functional.linear(x, _part.Codes is null ? _part.Parameter : Value(), _bias);
        return LoraA is null || LoraB is null ? y : y + (nn.functional.linear(nn.functional.linear(x, LoraA), LoraB) * Scaling);
    }

    /// <summary>Adds the adapter's share to the output in place, [N, out].</summary>
    public void AddAdapter(Tensor x, Tensor y, AdapterDropout? dropout)
    {
        if (A is null || B is null)
            return;
        using DisposeScope scope = NewDisposeScope();
        Tensor input = dropout is null ? x : dropout.Apply(x, _index);
        y.addmm_(input.matmul(A.Data.t()), B.Data.t(), 1, (float)Scaling);
    }

    /// <summary>Adds the adapter's gradients up.</summary>
    public void AdapterGradients(Tensor x, Tensor dy, AdapterDropout? dropout)
    {
        if (A is null || B is null)
            return;
        using DisposeScope scope = NewDisposeScope();
        Tensor input = dropout is null ? x : dropout.Apply(x, _index);
        Tensor scaled = dy * Scaling; // [N, out]
        B.Trained?.AddProduct(scaled, input.matmul(A.Data.t()));
        A.Trained?.AddProduct(scaled.matmul(B.Data), input);
    }

    /// <summary>Adds the adapter's share of dL/dx to the sum in place, [N, in].</summary>
    public void AddInputGradient(Tensor dy, Tensor dx, AdapterDropout? dropout)
    {
        if (A is null || B is null)
            return;
        using DisposeScope scope = NewDisposeScope();
        Tensor du = (dy * Scaling).matmul(B.Data); // [N, r]
        if (dropout is null)
            dx.addmm_(du, A.Data);
        else
            dx.add_(dropout.Apply(du.matmul(A.Data), _index));
    }
}
