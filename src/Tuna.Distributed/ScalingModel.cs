namespace Tuna.Distributed;

/// <summary>A model of the time of a data-parallel training step on some number of GPUs: arithmetic, the exchange of gradients, and the
/// optimizer, one after another as the engine does them.</summary>
/// <remarks>
/// <para>With N parameters, T tokens a step, P GPUs:</para>
/// <code>
/// compute   = 6 N T / (P F u)
///             8 N T with layers computed again in backward; F peak FLOP/s, u the share of it that is reached
/// exchange  = 2 (P - 1) / P 4 N / B + tensors 2 log2(P) a
///             4 N bytes of single-precision gradients over the slowest link B, in a ring's volume; a message takes a
/// optimizer = 24 N / M
///             bytes that a step of AdamW moves, over the memory's bandwidth M; N / P of them where it is sharded
/// </code>
/// <para>
/// With a sharded optimizer gradients go to their owner and weights come back: the volume is the same. Not counted: waiting for the slowest
/// rank, reading data, checkpoints. A model, not a measurement.
/// </para>
/// </remarks>
public sealed record ScalingModel
{
    // A step of AdamW on BF16 weights with 16 more bits: weights, bits and moments read and written, the gradient read.
    private const double OptimizerBytes = 24;

    /// <summary>Trained parameters, N, > 0.</summary>
    public required double Parameters { get; init; }

    /// <summary>Tensors that they lie in, each a message of its own, >= 1. Default 130.</summary>
    public int Tensors { get; init; } = 130;

    /// <summary>Tokens of a step, over all GPUs, > 0.</summary>
    public required double TokensPerStep { get; init; }

    /// <summary>Micro-batches of a step: more GPUs than these have nothing to do. >= 1.</summary>
    public required int MicroBatches { get; init; }

    /// <summary>Peak speed of a GPU, FLOP/s, > 0. Default an H100's in BF16, 989e12.</summary>
    public double PeakFlops { get; init; } = 989e12;

    /// <summary>Share of it that training reaches, (0, 1]. Default 0.42.</summary>
    public double Utilization { get; init; } = 0.42;

    /// <summary>Bandwidth of a GPU's memory, bytes/s, > 0. Default an H100's, 3.35e12.</summary>
    public double MemoryBandwidth { get; init; } = 3.35e12;

    /// <summary>Whether layers are computed again in backward. Default true.</summary>
    public bool Recompute { get; init; } = true;

    /// <summary>Link of a GPU to others of its machine, bytes/s in one direction, > 0. Default NVLink's of an H100, 450e9.</summary>
    public double LinkBandwidth { get; init; } = 450e9;

    /// <summary>Link of a GPU to other machines, bytes/s in one direction, > 0. Default 50e9, 400 Gbit/s.</summary>
    public double NetworkBandwidth { get; init; } = 50e9;

    /// <summary>GPUs of a machine, >= 1. Default 8.</summary>
    public int GpusPerMachine { get; init; } = 8;

    /// <summary>Time of a message besides its volume, s, >= 0. Default 20e-6.</summary>
    public double Latency { get; init; } = 20e-6;

    /// <summary>Whether the optimizer's state is sharded. Default true.</summary>
    public bool ShardOptimizer { get; init; } = true;

    /// <summary>The step on some number of GPUs.</summary>
    /// <param name="gpus">How many, a power of two.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is none, or an assumption is outside its range.</exception>
    public ScalingPoint At(int gpus)
    {
        if (!int.IsPow2(gpus))
            throw new ArgumentOutOfRangeException(nameof(gpus), gpus, "A power of two.");
        Require(Parameters > 0 && TokensPerStep > 0 && PeakFlops > 0 && MemoryBandwidth > 0 && LinkBandwidth > 0 && NetworkBandwidth > 0
            && Utilization is > 0 and <= 1 && Latency >= 0);
        Require(Tensors >= 1 && MicroBatches >= 1 && GpusPerMachine >= 1);
        // The step ends when the GPU with most micro-batches does.
        double share = Math.Ceiling((double)MicroBatches / gpus) / MicroBatches;
        double compute = (Recompute ? 8 : 6) * Parameters * TokensPerStep * share / (PeakFlops * Utilization);
        double bandwidth = gpus > GpusPerMachine ? Math.Min(NetworkBandwidth, LinkBandwidth) : LinkBandwidth;
        double exchange = gpus == 1
            ? 0 : (2.0 * (gpus - 1) / gpus * 4 * Parameters / bandwidth) + (Tensors * 2 * Math.Log2(gpus) * Latency);
        double optimizer = OptimizerBytes * Parameters / MemoryBandwidth / (ShardOptimizer ? gpus : 1);
        return new ScalingPoint(gpus, compute, exchange, optimizer);

        static void Require(bool holds)
        {
            if (!holds)
                throw new ArgumentOutOfRangeException(nameof(gpus), "An assumption of the model is outside its range.");
        }
    }

    /// <summary>How much of each GPU is used on some number of them: the time on one over P times that on P, (0, 1].</summary>
    public double Efficiency(int gpus) => At(1).Total / (gpus * At(gpus).Total);
}

/// <summary>The time of one step, s.</summary>
/// <param name="Gpus">On how many.</param>
/// <param name="Compute">Forward and backward.</param>
/// <param name="Exchange">Gradients, and weights where the optimizer is sharded.</param>
/// <param name="Optimizer">AdamW.</param>
public sealed record ScalingPoint(int Gpus, double Compute, double Exchange, double Optimizer)
{
    /// <summary>All of it.</summary>
    public double Total => Compute + Exchange + Optimizer;
}
