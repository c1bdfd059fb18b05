using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Heads;
using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>A LLaMA with a linear head of one output, <c>score.weight</c>, in place of the output layer: token ids in, rewards
/// out.</summary>
/// <remarks>For your own training loop use it as any module; <see cref="LlamaRewardModel"/> trains it on groups that share a
/// prompt.</remarks>
public sealed class LlamaScorer : LlamaBackbone
{
    private readonly Weight _head;

    /// <summary>Creates a model with uninitialized weights.</summary>
    /// <param name="config">The architecture; whether it ties the output layer does not matter, there is none.</param>
    /// <param name="device">Where the weights are.</param>
    /// <param name="dtype">Their type: Float32 or BFloat16; the head is Float32 in any case.</param>
    /// <param name="lora">Adapters, or null for none. With adapters all other weights but the head are frozen.</param>
    public LlamaScorer(LlamaConfig config, Device device, ScalarType dtype = ScalarType.Float32, LoraOptions? lora = null)
        : this(config, device, dtype, lora, WeightPrecision.Full)
    {
    }

    internal LlamaScorer(LlamaConfig config, Device device, ScalarType dtype, LoraOptions? lora, WeightPrecision baseWeights)
        : base(nameof(LlamaScorer), AsClassifier(config), device, dtype, lora, baseWeights)
    {
        var head = new Table(1, config.HiddenSize, device, ScalarType.Float32);
        _head = head.Whole;
        register_module("score", head);
        ResponseHead = new RewardHead(_head);
        FreezeBase();
    }

    internal override IResponseHead ResponseHead { get; }

    internal override IEnumerable<Weight> Weights => base.Weights.Append(_head);

    // A fresh head has nothing to adapt: it is trained beside the adapters and saved with them.
    internal override bool TrainsBesideTheBase(string name) => name == RewardHead.WeightName || base.TrainsBesideTheBase(name);

    /// <summary>Rewards of independent sequences, one for each place that a sequence may end at.</summary>
    /// <param name="input">Token ids, [B, T], Int64 or Int32; right-pad shorter sequences with any id and ignore their rewards
    /// there.</param>
    /// <returns>Float32, [B, T]: entry t is the reward of tokens 0 to t.</returns>
    /// <exception cref="ArgumentException">The ids are not [B, T], are outside the vocabulary, or T exceeds the context.</exception>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        return scope.MoveToOuter(
            nn.functional.linear(Hidden(input).to(ScalarType.Float32), _head.Parts[0].Parameter).view(input.shape[0], input.shape[1]));
    }

    /// <summary>The same architecture with the scalar head in place of the output layer.</summary>
    internal static LlamaConfig AsClassifier(LlamaConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return config with { ScalarHead = true };
    }
}
