using System.Runtime.InteropServices;
using Tuna.Distributed;
using Tuna.Llama.Checkpoints;
using Tuna.Llama.Distributed;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using Tuna.Numerics;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama;

public abstract partial class TorchPolicy : IDataParallelScorer
{
    // Passes that a leaf has numbers for: one a micro-batch, or one a response.
    private const int LeafBits = 32;

    private Copies? _copies;

    /// <summary>Bytes of AdamW's moments in this process: of all trained weights, or of its share; 0 before the first step.</summary>
    public long OptimizerStateBytes => _training?.Weights.Sum(w => w.Moments?.Bytes ?? 0) ?? 0;

    /// <inheritdoc/>
    /// <remarks>On the CPU sums have the same bits for any number of processes. On a GPU they cross by NCCL where it is found, else through
    /// the processor's memory, and backward itself may add in another order from run to run.</remarks>
    public void Join(IProcessGroup group, bool shardOptimizer)
    {
        ArgumentNullException.ThrowIfNull(group);
        using Turn turn = TakeTurn();
        TrainingParameters training = Training;
        KeepWaiting();
        if (group.Size == 1 && _copies is null)
            return;
        if (training.Weights.Any(w => w.Moments is not null) && (_copies?.IsSharded == true || (shardOptimizer && group.Size > 1)))
        {
            throw new InvalidOperationException(
                "The model has an optimizer state already, of all weights or of another group's share. Open the model anew, or restore a "
                    + "training state after joining.");
        }

        _copies?.Dispose();
        _copies = new Copies(group, shardOptimizer, training, NcclExchange.For(group, _model.Device));
    }

    /// <inheritdoc/>
    public void BeginLeaf(long number)
    {
        using Turn turn = TakeTurn();
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        _passes = number << LeafBits;
    }

    /// <inheritdoc/>
    public void EndLeaf()
    {
        using Turn turn = TakeTurn();
        KeepWaiting();
        _keepsGradients = true;
        foreach (TrainedWeight weight in Training.Weights)
            weight.EndLeaf();
    }

    /// <inheritdoc/>
    public void SumLeaves()
    {
        using Turn turn = TakeTurn();
        (_copies ??= new Copies(IProcessGroup.Single, false, Training, new HostExchange(IProcessGroup.Single))).SumLeaves();
        (_summed, _norm) = (true, null);
    }

    /// <inheritdoc/>
    public void SendTrainingState()
    {
        using Turn turn = TakeTurn();
        if (_copies is { IsSharded: true })
            TrainingStateFile.SendMoments(Training, _copies);
    }

    /// <inheritdoc/>
    public ulong WeightsHash()
    {
        using Turn turn = TakeTurn();
        using IDisposable mode = no_grad();
        ulong hash = 0;
        foreach (Tensor part in Training.Weights.SelectMany(w => w.ExactParts()))
            HostExchange.Each(part, bytes => hash = StableHash.Of(MemoryMarshal.Cast<byte, char>(bytes), hash), write: false);
        return hash;
    }
}
