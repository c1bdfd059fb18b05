using System.Globalization;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Heads;
using Tuna.Llama.Lora;
using Tuna.Policies;

namespace Tuna.Llama;

/// <summary>What training takes, in bytes, counted from the shapes before anything is allocated.</summary>
/// <param name="Weights">The weights that compute.</param>
/// <param name="Masters">Single-precision masters of a BF16 model.</param>
/// <param name="Moments">AdamW's two moments.</param>
/// <param name="Gradients">Accumulated gradients, single precision.</param>
/// <param name="Activations">What a pass holds between forward and backward, the largest layer at work, and gradients on their way to the sums.</param>
/// <param name="Head">One chunk of logits and what is computed from it.</param>
/// <remarks>What libtorch's allocator keeps in reserve, its libraries (a few hundred MB, more with CUDA) and .NET come on top.</remarks>
public sealed record MemoryEstimate(long Weights, long Masters, long Moments, long Gradients, long Activations, long Head)
{
    /// <summary>All of it.</summary>
    public long Total => Weights + Masters + Moments + Gradients + Activations + Head;

    /// <summary>Counts.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="lora">Adapters, or null.</param>
    /// <param name="compute">The type to compute in, F32 or BF16.</param>
    /// <param name="trainable">Whether there are masters, moments and gradients.</param>
    /// <param name="groups">The largest micro-batch.</param>
    /// <param name="mode"><see cref="ActivationMode.Auto"/> counts as <see cref="ActivationMode.Keep"/>.</param>
    /// <param name="device">Where: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>; a GPU computes more logits at once.</param>
    public static MemoryEstimate Of(LlamaConfig config, LoraOptions? lora, TensorDType compute, bool trainable, IReadOnlyList<TokenGroup> groups, ActivationMode mode, string device = "cpu")
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(groups);
        long size = compute.Size();
        long scalarHead = config.ScalarHead ? config.HiddenSize : 0; // single precision, and always trained
        long weights = config.Parameters().Sum(p => p.ElementCount) - scalarHead;
        long adapters = lora is null ? 0 : Adapters(config, lora);
        long trained = !trainable ? 0 : lora is null ? weights : adapters;

        long rows = groups.Sum(g => (long)g.TokenCount);
        long predicting = groups.Sum(g => g.Responses.Sum(r => (long)r.Length));
        long layer = LayerBytes(config, groups, size);
        long inputs = (config.LayerCount + 1) * rows * config.HiddenSize * size;
        long activations = trainable
            ? (mode == ActivationMode.Recompute ? inputs + (2 * layer) : inputs + (config.LayerCount * layer) + (layer / 2))
            : layer;

        // Backward hands over the gradients of all layers at once, or of one layer when they are recomputed.
        activations += mode == ActivationMode.Recompute ? trained * size / config.LayerCount : trained * size;

        // Two chunks of logits, and with bf16 their rounded copy and one chunk's gradient of the output layer.
        long chunk = config.ScalarHead ? 0 : Math.Min(predicting * config.VocabularySize * 4, VocabularyHead.ChunkBytes(TorchRuntime.Parse(device).Type));
        long head = compute == TensorDType.F32 ? 2 * chunk : (5 * chunk / 2) + (trained == weights && !config.ScalarHead ? (long)config.VocabularySize * config.HiddenSize * size : 0);
        long masters = compute == TensorDType.F32 ? 0 : trained * 4;
        long all = trained + (trainable ? scalarHead : 0);
        return new MemoryEstimate(((weights + adapters) * size) + (4 * scalarHead), masters, all * 8, all * 4, activations, head);
    }

    /// <summary>The cheapest way to train within a budget: keep all, recompute layers, or recompute and pass one response at a time after scoring.</summary>
    /// <param name="estimate">The estimate of a mode, for the largest micro-batch and for its largest single response.</param>
    /// <param name="budget">Bytes.</param>
    /// <returns>The mode, whether to score first, and whether even that is too much.</returns>
    public static (ActivationMode Mode, bool ScoreFirst, bool TooLarge) Choose(Func<ActivationMode, bool, MemoryEstimate> estimate, long budget)
    {
        ArgumentNullException.ThrowIfNull(estimate);
        if (estimate(ActivationMode.Keep, false).Total <= budget)
            return (ActivationMode.Keep, false, false);
        if (estimate(ActivationMode.Recompute, false).Total <= budget)
            return (ActivationMode.Recompute, false, false);
        return (ActivationMode.Recompute, true, estimate(ActivationMode.Recompute, true).Total > budget);
    }

    /// <summary>A line for a log.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Total / 1e9:0.00} GB: weights {Weights / 1e9:0.00}, masters {Masters / 1e9:0.00}, moments {Moments / 1e9:0.00}, gradients {Gradients / 1e9:0.00}, activations {Activations / 1e9:0.00}, logits {Head / 1e9:0.00}");

    private static long Adapters(LlamaConfig config, LoraOptions lora)
    {
        long d = config.HiddenSize, f = config.IntermediateSize, q = (long)config.HeadCount * config.HeadDimension, kv = (long)config.KeyValueHeadCount * config.HeadDimension;
        long perLayer = lora.TargetModules.Sum(m => m switch
        {
            "q_proj" or "o_proj" => d + q,
            "k_proj" or "v_proj" => d + kv,
            _ => d + f,
        });
        return config.LayerCount * perLayer * lora.Rank;
    }

    /// <summary>What one layer's graph holds, counted from the operations in the model: of each row, of each response's keys, and of attention's masks.</summary>
    private static long LayerBytes(LlamaConfig config, IReadOnlyList<TokenGroup> groups, long size)
    {
        long d = config.HiddenSize, f = config.IntermediateSize, q = (long)config.HeadCount * config.HeadDimension, kv = (long)config.KeyValueHeadCount * config.HeadDimension;
        long total = 0;
        foreach (TokenGroup group in groups)
        {
            long rows = group.TokenCount, prompt = group.Prompt.Length, longest = group.Responses.Max(r => r.Length), count = group.Responses.Count;
            // Two norms: their input and product in single precision, the normalized rows; rotated and unrotated q and k, v, attention's copy and result; gate, silu, up, product.
            long perRow = (2 * ((8 * d) + (2 * d * size))) + (size * ((4 * q) + (3 * kv) + (4 * f)));
            long blocks = count > 1 ? size * count * ((2 * longest * q) + (2 * (prompt + longest) * kv)) : 0;
            total += (rows * perRow) + blocks;
        }

        return total;
    }
}
