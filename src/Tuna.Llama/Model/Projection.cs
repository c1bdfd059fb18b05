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
    private readonly Weight _weight;
    private readonly WeightPart _part;

    /// <param name="weight">The weight that its own is a part of.</param>
    /// <param name="bias">The same for its bias, or null.</param>
    /// <param name="part">Which part.</param>
    /// <param name="adapters">The adapters, or null where it has none.</param>
    /// <param name="adapter">Which of them is its own.</param>
    /// <param name="lora">Their settings.</param>
    public Projection(Weight weight, Weight? bias, int part, StackedAdapters? adapters, int adapter, LoraOptions? lora)
        : base(nameof(Projection))
    {
        (_weight, _part) = (weight, weight.Parts[part]);
        Add("weight", weight, part);
        if (bias is not null)
            _bias = Add("bias", bias, part);
        if (adapters is null || lora is null)
            return;
        LoraA = Add(LoraNames.A, adapters.A, adapter);
        LoraB = Add(LoraNames.B, adapters.B, adapter);
        Scaling = lora.Alpha / lora.Rank;
    }

    /// <summary>A, [r, in], or null.</summary>
    public Parameter? LoraA { get; }

    /// <summary>B, [out, r], or null.</summary>
    public Parameter? LoraB { get; }

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
}
