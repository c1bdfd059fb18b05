using Tuna.Numerics;

namespace Tuna.Training;

/// <summary>Which groups make which step: a function of the number of groups and the options alone, so that a position is just a step and a micro-batch.</summary>
internal sealed class TrainingPlan
{
    // Keeps the data order apart from other streams that a caller may derive from the same seed.
    private const ulong OrderStream = 0x6F72646572; // "order"

    private readonly TrainerOptions _options;
    private readonly int[] _order;
    private int _orderEpoch = -1;

    public TrainingPlan(int groupCount, TrainerOptions options)
    {
        _options = options;
        _order = new int[groupCount];
        GroupsPerStep = options.GroupsPerMicroBatch * options.MicroBatchesPerStep;
        StepsPerEpoch = (groupCount + (long)GroupsPerStep - 1) / GroupsPerStep;
        TotalSteps = StepsPerEpoch * options.Epochs;
    }

    public int GroupsPerStep { get; }

    public long StepsPerEpoch { get; }

    public long TotalSteps { get; }

    /// <summary>The groups of a step.</summary>
    /// <param name="step">0-based.</param>
    public StepRange Range(long step)
    {
        int first = (int)(step % StepsPerEpoch * GroupsPerStep);
        int count = Math.Min(GroupsPerStep, _order.Length - first);
        return new StepRange((int)(step / StepsPerEpoch), first, count, (count + _options.GroupsPerMicroBatch - 1) / _options.GroupsPerMicroBatch);
    }

    /// <summary>Micro-batches of all steps before one.</summary>
    /// <param name="step">0-based.</param>
    public long MicroBatchesBefore(long step)
    {
        long perFullStep = (GroupsPerStep + _options.GroupsPerMicroBatch - 1) / _options.GroupsPerMicroBatch;
        long perEpoch = ((StepsPerEpoch - 1) * perFullStep) + Range(StepsPerEpoch - 1).MicroBatches;
        return (step / StepsPerEpoch * perEpoch) + (step % StepsPerEpoch * perFullStep);
    }

    /// <summary>Indices of the groups of one micro-batch of a step.</summary>
    public ReadOnlySpan<int> MicroBatch(StepRange range, int microBatch)
    {
        int skip = microBatch * _options.GroupsPerMicroBatch;
        return Order(range.Epoch).Slice(range.First + skip, Math.Min(_options.GroupsPerMicroBatch, range.Count - skip));
    }

    /// <summary>The order of an epoch: the same for the same seed, whatever happened before.</summary>
    public ReadOnlySpan<int> Order(int epoch)
    {
        if (_orderEpoch != epoch)
        {
            for (int i = 0; i < _order.Length; i++)
                _order[i] = i;
            if (_options.Shuffle)
                new Rng(Rng.Derive(Rng.Derive(_options.Seed, OrderStream), (ulong)epoch)).Shuffle(_order.AsSpan());
            _orderEpoch = epoch;
        }
        return _order;
    }
}

/// <summary>The groups of one step.</summary>
/// <param name="Epoch">0-based.</param>
/// <param name="First">Position of the first group in the epoch's order.</param>
/// <param name="Count">Groups in the step.</param>
/// <param name="MicroBatches">Micro-batches in the step.</param>
internal readonly record struct StepRange(int Epoch, int First, int Count, int MicroBatches);
