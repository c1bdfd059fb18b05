using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Heads;
using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>LLaMA and models of its shape (Mistral, Qwen2) as a TorchSharp module: token ids in, next-token logits out.</summary>
/// <remarks>
/// A tied output layer is the embedding itself and listed once.
/// For your own training loop use it as any module; <see cref="LlamaPolicy"/> trains it without ever building the logits.
/// </remarks>
public sealed class LlamaModel : LlamaBackbone
{
    private readonly Weight? _head;

    /// <summary>Creates a model with uninitialized weights.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="device">Where the weights are.</param>
    /// <param name="dtype">Their type: Float32 or BFloat16.</param>
    /// <param name="lora">Adapters, or null for none. With adapters all other weights are frozen.</param>
    public LlamaModel(LlamaConfig config, Device device, ScalarType dtype = ScalarType.Float32, LoraOptions? lora = null)
        : this(config, device, dtype, lora, WeightPrecision.Full)
    {
    }

    internal LlamaModel(LlamaConfig config, Device device, ScalarType dtype, LoraOptions? lora, WeightPrecision baseWeights)
        : base(nameof(LlamaModel), config, device, dtype, lora, baseWeights)
    {
        if (config.ScalarHead)
            throw new NotSupportedException(
                "'architectures': the model is a sequence classifier, whose head gives rewards, not tokens; open it as LlamaRewardModel.");
        if (!config.TieWordEmbeddings)
        {
            var head = new Table(config.VocabularySize, config.HiddenSize, device, dtype);
            _head = head.Whole;
            register_module("lm_head", head);
        }

        ResponseHead = new LogProbHead(config.TieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight", HeadWeight);
        FreezeBase();
    }

    /// <summary>Output layer, [V, D]; the embedding when tied.</summary>
    internal Parameter Head => HeadWeight.Parts[0].Parameter;

    internal Weight HeadWeight => _head ?? EmbeddingWeight;

    internal override IEnumerable<Weight> Weights => _head is null ? base.Weights : base.Weights.Append(_head);

    internal override IResponseHead ResponseHead { get; }

    /// <summary>Next-token logits of independent sequences.</summary>
    /// <param name="input">Token ids, [B, T], Int64 or Int32; right-pad shorter sequences with any id and ignore their logits
    /// there.</param>
    /// <returns>[B, T, V].</returns>
    /// <exception cref="ArgumentException">The ids are not [B, T], are outside the vocabulary, or T exceeds the context.</exception>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        return scope.MoveToOuter(nn.functional.linear(Hidden(input), Head).view(input.shape[0], input.shape[1], Config.VocabularySize));
    }
}
