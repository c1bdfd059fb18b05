using System.Runtime.InteropServices;
using Tuna.Distributed;
using Tuna.Llama.Managed.Checkpoints;
using Tuna.Llama.Managed.Model;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Managed;

public abstract partial class ManagedPolicy : IDataParallelScorer
{
    /// <summary>Bytes of AdamW's moments in this process: of all weights, or of its share; 0 before the first step.</summary>
    public long OptimizerStateBytes => Parameters.HasMoments ? 2 * sizeof(float) * Parameters.MomentCount : 0;

    /// <inheritdoc/>
    public void Join(IProcessGroup group, bool shardOptimizer)
    {
        ArgumentNullException.ThrowIfNull(group);
        using Turn turn = TakeTurn();
        var share = new OptimizerShare(group, Parameters.Count, shardOptimizer);
        if (Parameters.HasMoments && (Share.IsSharded || share.IsSharded))
        {
            throw new InvalidOperationException(
                "The model has an optimizer state already, of all weights or of another group's share. Open the model anew, or restore a "
                    + "training state after joining.");
        }

        Share = share;
        Parameters.MomentCount = share.Length;
    }

    /// <inheritdoc/>
    /// <remarks>This engine draws nothing while it trains.</remarks>
    public void BeginLeaf(long number)
    {
        using Turn turn = TakeTurn();
        ArgumentOutOfRangeException.ThrowIfNegative(number);
    }

    /// <inheritdoc/>
    public void EndLeaf()
    {
        using Turn turn = TakeTurn();
        _leaves.EndLeaf();
    }

    /// <inheritdoc/>
    public unsafe void SumLeaves()
    {
        using Turn turn = TakeTurn();
        _leaves.Finish(zeros: Share.Group.Size > 1);
        if (Share.Group.Size > 1)
            Share.Sum(Parameters.AccumulatedGradient());
    }

    /// <inheritdoc/>
    public void SendTrainingState()
    {
        using Turn turn = TakeTurn();
        if (Share.IsSharded)
            TrainingStateFile.SendMoments(Parameters, Share);
    }

    /// <inheritdoc/>
    public ulong WeightsHash()
    {
        using Turn turn = TakeTurn();
        ulong hash = 0;
        foreach (ParameterSlot slot in Parameters.Slots)
            hash = StableHash.Of(MemoryMarshal.Cast<float, char>(Parameters.WeightsOf(slot)), hash);
        return hash;
    }
}
