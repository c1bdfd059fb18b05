using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama;

/// <summary>What the layers of a pass hold, counted from <c>LayerTrace</c> and the operations of the layer at work.</summary>
internal static class LayerMemory
{
    /// <summary>Bytes between forward and backward, and of the layer at work.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="groups">The micro-batch.</param>
    /// <param name="size">Bytes of a number.</param>
    /// <param name="fused">Whether kernels and FlashAttention compute.</param>
    /// <param name="trainable">Whether anything is kept.</param>
    /// <param name="keptLayers">Layers whose activations are kept; of the others the input is.</param>
    /// <param name="summed">Whether a weight's gradient is computed beside the sum that it is added to.</param>
    public static long Bytes(LlamaConfig config, IReadOnlyList<TokenGroup> groups, long size, bool fused, bool trainable,
        int keptLayers, bool summed)
    {
        long d = config.HiddenSize, f = config.IntermediateSize, q = (long)config.HeadCount * config.HeadDimension,
            kv = (long)config.KeyValueHeadCount * config.HeadDimension;
        long rows = groups.Sum(g => (long)g.TokenCount);
        long kept = (rows * size * (d + (2 * q) + (2 * kv) + (2 * f) + (config.QueryKeyNorm ? q + kv : 0)))
            + (fused ? rows * config.HeadCount * 4 : groups.Sum(g => Recorded(config, g, size)));
        if (!trainable)
            return kept + (rows * d * size);
        long inputs = (config.LayerCount + 1) * rows * d * size;
        // Backward of the MLP: gate, up, their gradients and the product; in libtorch's operations some of them in single precision once
        // more.
        long work = (rows * size * ((2 * d) + (4 * f))) + (fused ? 0 : rows * 3 * f * 4) + (summed ? 2 * d * f * size : 0);
        // Layers that are computed again are so one at a time, when those above them are done with.
        return inputs + work + (Math.Max(1, keptLayers) * kept);
    }

    /// <summary>What autograd holds of libtorch's attention over a group: copies of keys and values, of the responses side by side,
    /// results, and the mask.</summary>
    private static long Recorded(LlamaConfig config, TokenGroup group, long size)
    {
        long q = (long)config.HeadCount * config.HeadDimension, kv = (long)config.KeyValueHeadCount * config.HeadDimension,
            fold = config.HeadCount / config.KeyValueHeadCount;
        long count = group.Responses.Count, longest = group.Responses.Max(r => r.Length), prompt = group.Prompt.Length, causal = count > 1
            ? prompt : group.TokenCount;
        long own = causal * ((fold > 1 ? 2 * q : 0) + q);
        return size * (count > 1 ? own + (2 * count * longest * q) + (2 * count * (prompt + longest) * kv)
            + (fold * longest * (prompt + longest)) : own);
    }
}
