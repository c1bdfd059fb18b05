using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>A linear layer of the checkpoint, y = x W^T + b, with an optional low-rank adapter (LoRA, Hu et al., arXiv 2106.09685): + (alpha / r) (dropout(x) A^T) B^T.</summary>
internal sealed class Projection : LlamaModule
{
    private readonly Parameter? _bias;
    private readonly int _index;

    /// <param name="index">A number of its own in the model, which seeds its dropout.</param>
    /// <param name="weight">The weight that its own is a part of.</param>
    /// <param name="bias">The same for its bias, or null.</param>
    /// <param name="part">Which part.</param>
    /// <param name="lora">The adapter's settings, or null for none.</param>
    public Projection(int index, Weight weight, Weight? bias, int part, LoraOptions? lora)
        : base(nameof(Projection))
    {
        _index = index;
        Weight = Add("weight", weight, part);
        FirstOutput = weight.Parts[part].Row;
        if (bias is not null)
            _bias = Add("bias", bias, part);
        if (lora is null)
            return;
        Tensor w = weight.Data;
        (A, B) = (new Weight(w.device, w.dtype, [lora.Rank], (int)Weight.shape[1]), new Weight(w.device, w.dtype, [(int)Weight.shape[0]], lora.Rank));
        LoraA = Add(LoraNames.A, A);
        LoraB = Add(LoraNames.B, B);
        Scaling = lora.Alpha / lora.Rank;
    }

    /// <summary>W, [out, in].</summary>
    public Parameter Weight { get; }

    /// <summary>Its first column in the fused product's output.</summary>
    public long FirstOutput { get; }

    /// <summary>A, [r, in], or null.</summary>
    public Parameter? LoraA { get; }

    /// <summary>B, [out, r], or null.</summary>
    public Parameter? LoraB { get; }

    public Weight? A { get; }

    public Weight? B { get; }

    /// <summary>alpha / r.</summary>
    public double Scaling { get; }

    /// <summary>[N, in] to [N, out], recorded by autograd.</summary>
    public Tensor Forward(Tensor x)
    {
        Tensor y = nn.functional.linear(x, Weight, _bias);
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
