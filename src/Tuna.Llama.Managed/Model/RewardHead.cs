using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Model;

/// <summary>A linear head on the last norm's output at a response's last token: one reward per response.</summary>
internal sealed unsafe class RewardHead(LlamaConfig config, LlamaParameters parameters) : IPolicyHead
{
    public const string WeightName = "score.weight";

    private readonly long _weight = parameters.Offset(WeightName);

    public HeadRows Reads => HeadRows.LastToken;

    public bool HasLogits => false;

    public bool WritesEmbedding => false;

    public void Forward(BatchLayout layout, in Matrix hidden, bool keep, Span<double> outputs)
    {
        for (int e = 0; e < layout.HeadRows.Length; e++)
            outputs[layout.TargetResponses[e]] = VectorMath.Dot(parameters.Weights + _weight, hidden.Row(e), config.HiddenSize);
    }

    public void Backward(BatchLayout layout, in Matrix hidden, ReadOnlySpan<int> kept, ReadOnlySpan<double> gradient, in Matrix dHidden,
        Update update)
    {
        if (update == Update.Set)
            new Span<float>(parameters.Gradient + _weight, config.HiddenSize).Clear();
        for (int e = 0; e < layout.HeadRows.Length; e++)
        {
            float g = (float)gradient[layout.TargetResponses[e]];
            dHidden.RowSpan(e).Clear();
            VectorMath.AddScaled(g, parameters.Weights + _weight, dHidden.Row(e), config.HiddenSize);
            VectorMath.AddScaled(g, hidden.Row(kept[e]), parameters.Gradient + _weight, config.HiddenSize);
        }
    }
}
