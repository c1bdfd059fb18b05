using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>Which groups make which step: a function of the data's sizes and the options alone, so that a position is just a step and a
/// micro-batch.</summary>
internal sealed class TrainingPlan
{
    // Keeps the data order apart from other streams that a caller may derive from the same seed.
    private const ulong OrderStream = 0x6F72646572; // "order"

    private readonly TrainerOptions _options;
    private readonly int[] _tokens; // of each group; empty when groups are packed by count
    private readonly int[] _order;
    private int _orderEpoch = -1;

    public TrainingPlan(int groupCount, TrainerOptions options)
        : this(groupCount, [], options)
    {
    }

    public TrainingPlan(IReadOnlyList<TokenGroup> groups, TrainerOptions options)
        : this(groups.Count, options.MicroBatchTokens == 0 ? [] : [.. groups.Select(g => g.TokenCount)], options)
    {
    }

    private TrainingPlan(int groupCount, int[] tokens, TrainerOptions options)
    {
        _options = options;
        _tokens = tokens;
        _order = new int[groupCount];
        GroupsPerStep = options.GroupsPerMicroBatch * options.MicroBatchesPerStep;
        StepsPerEpoch = (groupCount + (long)GroupsPerStep - 1) / GroupsPerStep;
        TotalSteps = StepsPerEpoch * options.Epochs;
    }

    public int GroupsPerStep { get; }

    public long StepsPerEpoch { get; }

    public long TotalSteps { get; }

    /// <summary>The 0-based epoch of a step and the place of its first group in the epoch's order.</summary>
    /// <param name="step">0-based.</param>
    public (int Epoch, int First) Position(long step) => ((int)(step / StepsPerEpoch), (int)(step % StepsPerEpoch * GroupsPerStep));

    /// <summary>The groups of a step and how they are cut into micro-batches.</summary>
    /// <param name="step">0-based.</param>
    public StepRange Range(long step)
    {
        (int epoch, int first) = Position(step);
        int count = Math.Min(GroupsPerStep, _order.Length - first);
        return new StepRange(epoch, first, count, _tokens.Length == 0 ? CutByCount(count) : CutByTokens(Order(epoch).Slice(first, count)));
    }

    /// <summary>Micro-batches of all steps before one.</summary>
    /// <param name="step">0-based.</param>
    public long MicroBatchesBefore(long step)
    {
        if (_tokens.Length > 0)
        {
            // Cut by tokens, every step has a number of its own.
            long sum = 0;
            for (long s = 0; s < step; s++)
                sum += Range(s).MicroBatches;
            return sum;
        }

        long perFullStep = CutByCount(GroupsPerStep).Length - 1;
        long perEpoch = ((StepsPerEpoch - 1) * perFullStep) + Range(StepsPerEpoch - 1).MicroBatches;
        return (step / StepsPerEpoch * perEpoch) + (step % StepsPerEpoch * perFullStep);
    }

    /// <summary>Indices of the groups of one micro-batch of a step.</summary>
    public ReadOnlySpan<int> MicroBatch(StepRange range, int microBatch) =>
        Order(range.Epoch)[(range.First + range.Cuts[microBatch])..(range.First + range.Cuts[microBatch + 1])];

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

    private int[] CutByCount(int count)
    {
        int each = Math.Min(_options.GroupsPerMicroBatch, Math.Max(count, 1));
        var cuts = new int[((count - 1) / each) + 2];
        for (int i = 0; i < cuts.Length; i++)
            cuts[i] = (int)Math.Min(count, (long)i * each);
        return cuts;
    }

    /// <summary>In the order of the step, as many groups at a time as fit; a group that is larger by itself goes alone.</summary>
    private int[] CutByTokens(ReadOnlySpan<int> groups)
    {
        var cuts = new List<int> { 0 };
        long tokens = 0;
        for (int i = 0; i < groups.Length; i++)
        {
            int own = _tokens[groups[i]];
            if (i > cuts[^1] && tokens + own > _options.MicroBatchTokens)
            {
                cuts.Add(i);
                tokens = 0;
            }
            tokens += own;
        }
        if (groups.Length > 0)
            cuts.Add(groups.Length);
        return [.. cuts];
    }
}

/// <summary>The groups of one step.</summary>
/// <param name="Epoch">0-based.</param>
/// <param name="First">Position of the first group in the epoch's order.</param>
/// <param name="Count">Groups in the step.</param>
/// <param name="Cuts">Where each micro-batch begins, counted from <paramref name="First"/>, and <paramref name="Count"/> at the
/// end.</param>
internal readonly record struct StepRange(int Epoch, int First, int Count, int[] Cuts)
{
    /// <summary>Micro-batches in the step.</summary>
    public int MicroBatches => Cuts.Length - 1;
}
