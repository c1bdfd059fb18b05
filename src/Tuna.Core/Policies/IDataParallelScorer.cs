using Tuna.Distributed;

namespace Tuna.Policies;

/// <summary>A scorer of which every process of a group has a copy: gradients are summed over the processes, in an order that does not
/// depend on their number.</summary>
/// <remarks>
/// A step's micro-batches are cut into L leaves, L a power of two. Each process accumulates its share of the leaves, L / P neighbours, one
/// after another; the sum over all of them is the balanced tree over leaves, so that P = 1, 2, ... L processes have the same bits. After
/// <see cref="SumLeaves"/> the accumulated gradient is the group's, and the members of
/// <see cref="ITrainableScorer"/> do what they do alone; where the optimizer is sharded, <see cref="ITrainableScorer.GradientNorm"/>,
/// <see cref="ITrainableScorer.ApplyGradients"/>,
/// <see cref="ITrainableScorer.SaveTrainingState"/> with <see cref="SendTrainingState"/>, and nothing else, are collective.
/// </remarks>
public interface IDataParallelScorer : ITrainableScorer
{
    /// <summary>Becomes one of a group's copies. Weights and moments must be those of the other copies.</summary>
    /// <param name="group">The group, which must outlive the training.</param>
    /// <param name="shardOptimizer">Whether each process keeps the optimizer's state of a share of the weights only, moves those, and
    /// receives the others (ZeRO stage 1; Rajbhandari et al., arXiv 1910.02054).</param>
    /// <exception cref="InvalidOperationException">The optimizer's state is sharded over another group.</exception>
    void Join(IProcessGroup group, bool shardOptimizer);

    /// <summary>Begins a leaf; what is accumulated until <see cref="EndLeaf"/> is its.</summary>
    /// <param name="number">Number of the leaf in the whole run: engines derive their randomness (dropout) from it.</param>
    void BeginLeaf(long number);

    /// <summary>Ends a leaf, whether or not anything was accumulated.</summary>
    void EndLeaf();

    /// <summary>Sums the leaves of all processes. Collective.</summary>
    void SumLeaves();

    /// <summary>Takes the part of a process that does not write in <see cref="ITrainableScorer.SaveTrainingState"/>, which rank 0 calls
    /// meanwhile. Does nothing where nothing is sharded.</summary>
    void SendTrainingState();

    /// <summary>A hash of the weights' bits: equal copies have equal hashes. On the machine's own account: not for files.</summary>
    ulong WeightsHash();
}
