using System.Globalization;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Heads;
using Tuna.Llama.Tensors;
using TorchSharp;
using Tuna.Llama.Lora;
using Tuna.Policies;

namespace Tuna.Llama;

/// <summary>What training takes, in bytes, counted from the shapes before anything is allocated.</summary>
/// <param name="Weights">The weights that compute.</param>
/// <param name="Masters">What makes a BF16 model's weights exact: single-precision masters, or 16 bits a weight on a GPU.</param>
/// <param name="Moments">AdamW's two moments.</param>
/// <param name="Gradients">Accumulated gradients.</param>
/// <param name="Activations">What a pass holds between forward and backward, and the layer at work.</param>
/// <param name="Head">The rows that predict, one chunk of their logits and what is computed from it.</param>
/// <param name="Context">What CUDA's context and libraries take on a GPU before anything is computed, as on an H100 and an H200; 0 on the
/// CPU.</param>
/// <remarks>What libtorch's allocator keeps in reserve, and on the CPU its libraries (a few hundred MB) and .NET, come on top.</remarks>
public sealed record MemoryEstimate(long Weights, long Masters, long Moments, long Gradients, long Activations, long Head, long Context = 0)
{
    private const long CudaContext = 620L << 20;
    private const long PlainStepCopies = 8; // of a weight, that libtorch's operations make on the CPU while it moves

    /// <summary>All of it.</summary>
    public long Total => Weights + Masters + Moments + Gradients + Activations + Head + Context;

    /// <summary>Counts.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="lora">Adapters, or null.</param>
    /// <param name="compute">The type to compute in, F32 or BF16.</param>
    /// <param name="trainable">Whether there are masters, moments and gradients.</param>
    /// <param name="groups">The largest micro-batch.</param>
    /// <param name="mode"><see cref="ActivationMode.Auto"/> counts as <see cref="ActivationMode.Keep"/>.</param>
    /// <param name="device">Where: <c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>; a GPU computes more logits at once, and BF16 weights there
    /// have 16 more bits beside them instead of a master.</param>
    /// <param name="moments">How AdamW's moments are kept.</param>
    /// <param name="passes">Micro-batches a step, >= 1: with one, a GPU keeps most BF16 gradients as they arrive instead of
    /// single-precision sums.</param>
    /// <param name="baseWeights">How weights that are not trained are kept.</param>
    /// <param name="gradientMode">What becomes of gradients; <see cref="GradientMode.Recompute"/> counts where there is one pass a
    /// step.</param>
    /// <param name="keptLayers">Layers whose activations are kept, the others being computed twice; null for all or none, as the mode
    /// says.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are less than one pass a step, or other layers kept than there are.</exception>
    public static MemoryEstimate Of(
        LlamaConfig config, LoraOptions? lora, TensorDType compute, bool trainable, IReadOnlyList<TokenGroup> groups, ActivationMode mode,
            string device = "cpu",
        MomentPrecision moments = MomentPrecision.Full, int passes = 2, WeightPrecision baseWeights = WeightPrecision.Full,
        GradientMode gradientMode = GradientMode.Keep, int? keptLayers = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentOutOfRangeException.ThrowIfLessThan(passes, 1);
        int kept = keptLayers ?? (mode == ActivationMode.Recompute ? 0 : config.LayerCount);
        ArgumentOutOfRangeException.ThrowIfNegative(kept, nameof(keptLayers));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(kept, config.LayerCount, nameof(keptLayers));
        long size = compute.Size();
        DeviceType type = TorchRuntime.Parse(device).Type;
        bool narrow = compute != TensorDType.F32, gpu = type == DeviceType.CUDA;
        long scalarHead = config.ScalarHead ? config.HiddenSize : 0; // single precision, and always trained
        long weights = config.Parameters().Sum(p => p.ElementCount) - scalarHead;
        long[] adapters = lora is null ? [] : [.. Adapters(config, lora)];
        long[] trained = !trainable ? []
            : lora is null ? [.. config.Parameters().Select(p => p.ElementCount)] : scalarHead > 0 ? [.. adapters, scalarHead] : adapters;
        long all = trained.Sum(), rounded = trainable ? all - scalarHead : 0;

        long tables = lora is null && trainable
            ? (long)config.VocabularySize * config.HiddenSize * (config.TieWordEmbeddings || config.ScalarHead ? 1 : 2) : 0;
        long gradients = narrow && gpu && passes == 1 ? (2 * (all + tables)) + (2 * scalarHead) : 4 * all;
        if (gradientMode == GradientMode.Recompute && passes == 1)
            gradients = ArrivingGradients(config, trainable, adapters, lora is null, narrow && gpu ? 2 : 4)
                + (gpu || trained.Length == 0 ? 0 : PlainStepCopies * 4 * trained.Max());
        long masters = !narrow ? 0 : gpu ? 2 * rounded : 4 * rounded;
        long state = trained.Sum(n => moments == MomentPrecision.EightBit ? Tensors.Moments.CompactBytes(n) : 8 * n);
        long activations = LayerMemory.Bytes(config, groups, size, gpu && narrow, trainable, kept, summed: trainable && lora is null
            && narrow);
        long computing = baseWeights == WeightPrecision.Nf4 ? PackedBytes(config, weights, size) : weights * size;
        return new MemoryEstimate(computing + (adapters.Sum() * size) + (4 * scalarHead), masters, state, gradients, activations,
            HeadBytes(config, groups, size, type, trainable && lora is null), gpu ? CudaContext : 0);
    }

    /// <summary>What one of several processes holds that train together.</summary>
    /// <param name="processes">How many, a power of two.</param>
    /// <param name="leaves">Leaves of a step (<see cref="Training.TrainerOptions.GradientLeaves"/>), which the processes divide; 0 for as
    /// many as processes. A process holds log2(leaves / processes) gradients more than one.</param>
    /// <param name="shardOptimizer">Whether each keeps the moments of its share only; whole tensors are dealt out, so that one may have
    /// some more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The processes do not divide the leaves, or are not a power of two.</exception>
    public MemoryEstimate OfRank(int processes, int leaves = 0, bool shardOptimizer = true)
    {
        leaves = leaves == 0 ? processes : leaves;
        if (processes < 1 || !int.IsPow2(processes) || !int.IsPow2(leaves) || leaves < processes)
            throw new ArgumentOutOfRangeException(nameof(processes), processes, $"A power of two that divides {leaves}.");
        return this with
        {
            Moments = shardOptimizer ? (Moments + processes - 1) / processes : Moments,
            Gradients = Gradients * (1 + int.Log2(leaves / processes)),
        };
    }

    /// <summary>The cheapest way to train within a budget: keep all, recompute layers, or recompute and pass one response at a time after
    /// scoring.</summary>
    /// <param name="estimate">The estimate of a mode, for the largest micro-batch and for its largest single response.</param>
    /// <param name="budget">Bytes.</param>
    /// <returns>The mode, whether to score first, and whether even that is too much.</returns>
    public static (ActivationMode Mode, bool ScoreFirst, bool TooLarge) Choose(Func<ActivationMode, bool, MemoryEstimate> estimate,
        long budget)
    {
        ArgumentNullException.ThrowIfNull(estimate);
        if (estimate(ActivationMode.Keep, false).Total <= budget)
            return (ActivationMode.Keep, false, false);
        if (estimate(ActivationMode.Recompute, false).Total <= budget)
            return (ActivationMode.Recompute, false, false);
        return (ActivationMode.Recompute, true, estimate(ActivationMode.Recompute, true).Total > budget);
    }

    /// <summary>How many layers' activations a budget lets a pass keep; the others are computed twice.</summary>
    /// <param name="estimate">The estimate with a number of layers kept, which grows with it.</param>
    /// <param name="layers">All layers.</param>
    /// <param name="budget">Bytes.</param>
    /// <returns>The most that fit; 0 also where not even that does.</returns>
    public static int KeptLayers(Func<int, MemoryEstimate> estimate, int layers, long budget)
    {
        ArgumentNullException.ThrowIfNull(estimate);
        if (estimate(layers).Total <= budget)
            return layers;
        int fits = 0, tooMany = layers;
        while (tooMany - fits > 1)
        {
            int middle = (fits + tooMany) / 2;
            if (estimate(middle).Total <= budget)
                fits = middle;
            else
                tooMany = middle;
        }

        return fits;
    }

    /// <summary>A line for a log, in GB (10^9 bytes), or in MB below a tenth of one.</summary>
    public override string ToString()
    {
        (double unit, string name) = Total < 1e8 ? (1e6, "MB") : (1e9, "GB");
        return string.Create(CultureInfo.InvariantCulture,
            $"{Total / unit:0.00} {name}: weights {Weights / unit:0.00}, masters {Masters / unit:0.00}, moments {Moments / unit:0.00}, "
                + $"gradients {Gradients / unit:0.00}, activations {Activations / unit:0.00}, logits {Head / unit:0.00}"
                + $"{(Context > 0 ? $", CUDA {Context / unit:0.00}" : "")}");
    }

    /// <summary>Gradients that are there at one time: a layer's, or those of a table, which are sums in single precision; that of a table
    /// which is both embedding and head waits for the last layer.</summary>
    private static long ArrivingGradients(LlamaConfig config, bool trainable, long[] adapters, bool allTrained, long size)
    {
        if (!trainable)
            return 0;
        if (!allTrained)
            return 4 * adapters.Sum() / config.LayerCount;
        long table = 4L * config.VocabularySize * config.HiddenSize;
        long layer = size * config.Parameters().Where(p => p.Name.Contains(".layers.0.", StringComparison.Ordinal))
            .Sum(p => p.ElementCount);
        return config.TieWordEmbeddings && !config.ScalarHead ? table + layer : Math.Max(table, layer);
    }

    private static IEnumerable<long> Adapters(LlamaConfig config, LoraOptions lora)
    {
        long d = config.HiddenSize, f = config.IntermediateSize, q = (long)config.HeadCount * config.HeadDimension,
            kv = (long)config.KeyValueHeadCount * config.HeadDimension;
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            foreach (string module in lora.TargetModules)
            {
                (long input, long output) = module switch
                {
                    "q_proj" => (d, q),
                    "o_proj" => (q, d),
                    "k_proj" or "v_proj" => (d, kv),
                    "down_proj" => (f, d),
                    _ => (d, f),
                };
                yield return input * lora.Rank;
                yield return output * lora.Rank;
            }
        }
    }

    /// <summary>Projections in 4 bits, the rest as it computes, and the place that the largest product's weights are unpacked to.</summary>
    private static long PackedBytes(LlamaConfig config, long weights, long size)
    {
        long d = config.HiddenSize, f = config.IntermediateSize, q = (long)config.HeadCount * config.HeadDimension,
            kv = (long)config.KeyValueHeadCount * config.HeadDimension;
        var packed = config.Parameters().Where(p => p.Name.EndsWith("_proj.weight", StringComparison.Ordinal)).Select(p => p.ElementCount)
            .ToList();
        return packed.Sum(Nf4Codes.Bytes) + ((weights - packed.Sum() + Math.Max(d * (q + (2 * kv)), 2 * d * f)) * size);
    }

    /// <summary>A chunk of logits and what is computed from it, the rows that predict and their gradient, and a chunk's gradient of the
    /// output layer.</summary>
    private static long HeadBytes(LlamaConfig config, IReadOnlyList<TokenGroup> groups, long size, DeviceType device, bool trained)
    {
        if (config.ScalarHead)
            return 0;
        long predicting = groups.Sum(g => g.Responses.Sum(r => (long)r.Length)), v = config.VocabularySize, d = config.HiddenSize;
        long chunk = Math.Min(predicting * v * 4, VocabularyHead.ChunkBytes(device));
        // A kernel works in place of rounded logits; libtorch's operations take a copy or two in single precision.
        long logits = device == DeviceType.CUDA && size == 2 ? chunk / 2 : size == 2 ? 5 * chunk / 2 : 2 * chunk;
        return logits + (3 * predicting * d * size) + (trained && size == 2 ? v * d * size : 0);
    }
}
