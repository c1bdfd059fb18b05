using System.Text;
using Tuna.Distributed;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>A step that the processes of a group share: each accumulates its leaves, then all fold the same numbers in the same
/// order.</summary>
/// <remarks>
/// A leaf is a fixed share of the step's micro-batches, so that what a step does depends on the number of leaves but not on that of
/// processes. Cancellation is noticed between micro-batches; the step is then abandoned on all processes, since a part of it would belong
/// to this number of processes only.
/// </remarks>
internal sealed class StepLeaves
{
    private readonly IDataParallelScorer _model;
    private readonly IProcessGroup _group;
    private readonly MicroBatchRunner _runner;
    private readonly int _leaves;

    public StepLeaves(TrainingSetup setup, MicroBatchRunner runner)
    {
        _group = setup.Group;
        _leaves = setup.Options.GradientLeaves;
        _model = (IDataParallelScorer)setup.Model;
        _runner = runner;
    }

    /// <summary>Between steps the model's randomness stands where it would with any number of processes: what is saved does not know
    /// it.</summary>
    /// <param name="step">The next step, 0-based.</param>
    public void Settle(long step) => _model.BeginLeaf(step * _leaves);

    /// <summary>Accumulates the gradient of a step over all processes, and moves the position behind its micro-batches.</summary>
    /// <returns>The first fault, in which case nothing is accumulated; null when all is well.</returns>
    /// <exception cref="OperationCanceledException">A process was asked to stop; the position is as it was.</exception>
    public NonFiniteTrainingException? Accumulate(RunPosition at, StepRange range, CancellationToken cancellationToken)
    {
        int most = 0;
        for (int rank = 0; rank < _group.Size; rank++)
            most = Math.Max(most, First(rank + 1, range) - First(rank, range));
        double[] mine = new double[1 + (most * MicroBatchRow.Width)]; // whether it was asked to stop, then a row for each micro-batch
        NonFiniteTrainingException? own = null;
        try
        {
            own = RunOwn(at.Step, range, mine.AsSpan(1), cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            mine[0] = 1;
        }

        double[] all = new double[mine.Length * _group.Size];
        _group.AllGather(mine, all);
        for (int rank = 0; rank < _group.Size; rank++)
        {
            if (all[rank * mine.Length] != 0)
                throw Stopped(rank, cancellationToken);
        }

        NonFiniteTrainingException? fault = Fold(at, range, all, mine.Length, own);
        if (fault is null)
            _model.SumLeaves();
        return fault;
    }

    private static OperationCanceledException Stopped(int rank, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested
        ? new OperationCanceledException(cancellationToken)
        : new OperationCanceledException($"Rank {rank} was asked to stop.");

    private NonFiniteTrainingException? RunOwn(long step, StepRange range, Span<double> rows, CancellationToken cancellationToken)
    {
        int each = _leaves / _group.Size, first = First(_group.Rank, range);
        for (int leaf = _group.Rank * each; leaf < (_group.Rank + 1) * each; leaf++)
        {
            _model.BeginLeaf((step * _leaves) + leaf);
            for (int m = LeafStart(leaf, range); m < LeafStart(leaf + 1, range); m++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var statistics = new StepStatistics();
                NonFiniteTrainingException? fault = _runner.Run(step, range, m, statistics, cancellationToken);
                MicroBatchRow.Write(rows.Slice((m - first) * MicroBatchRow.Width, MicroBatchRow.Width), statistics, fault is not null);
                if (fault is not null)
                    return fault;
            }

            _model.EndLeaf();
        }

        return null;
    }

    /// <summary>Adds up the micro-batches in their order, up to the first fault.</summary>
    private NonFiniteTrainingException? Fold(RunPosition at, StepRange range, double[] all, int length, NonFiniteTrainingException? own)
    {
        for (int rank = 0; rank < _group.Size; rank++)
        {
            int first = First(rank, range);
            for (int m = first; m < First(rank + 1, range); m++)
            {
                bool faulty = MicroBatchRow.Add(all.AsSpan((rank * length) + 1 + ((m - first) * MicroBatchRow.Width), MicroBatchRow.Width),
                    at.Partial);
                at.MicroBatch++;
                at.MicroBatchesDone++;
                if (faulty)
                    return Told(rank, own);
            }
        }

        return null;
    }

    /// <summary>A fault that one rank has found, with its words.</summary>
    private NonFiniteTrainingException Told(int rank, NonFiniteTrainingException? own)
    {
        byte[] words = _group.BroadcastBytes(rank == _group.Rank ? Encode(own!) : null, rank);
        using var reader = new BinaryReader(new MemoryStream(words), Encoding.UTF8);
        long step = reader.ReadInt64();
        string what = reader.ReadString();
        var ids = new string[reader.ReadInt32()];
        for (int i = 0; i < ids.Length; i++)
            ids[i] = reader.ReadString();
        return new NonFiniteTrainingException(step, ids, what);
    }

    private static byte[] Encode(NonFiniteTrainingException fault)
    {
        var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(fault.Step);
            writer.Write(fault.What);
            writer.Write(fault.GroupIds.Count);
            foreach (string id in fault.GroupIds)
                writer.Write(id);
        }

        return stream.ToArray();
    }

    private int LeafStart(int leaf, StepRange range) => (int)((long)leaf * range.MicroBatches / _leaves);

    private int First(int rank, StepRange range) => LeafStart(rank * (_leaves / _group.Size), range);
}

/// <summary>What one micro-batch adds to its step, as the numbers that processes exchange.</summary>
internal static class MicroBatchRow
{
    public const int Width = 9;

    public static void Write(Span<double> row, StepStatistics statistics, bool faulty)
    {
        row[0] = faulty ? 1 : 0;
        row[1] = statistics.Loss;
        row[2] = statistics.Groups;
        row[3] = statistics.Responses;
        row[4] = statistics.Active;
        row[5] = statistics.Tokens;
        row[6] = statistics.MarginSum;
        row[7] = statistics.Pairs;
        row[8] = statistics.OrderedPairs;
    }

    /// <summary>Adds a row; says whether its micro-batch was faulty.</summary>
    public static bool Add(ReadOnlySpan<double> row, StepStatistics sum)
    {
        sum.Loss += row[1];
        sum.Groups += (int)row[2];
        sum.Responses += (int)row[3];
        sum.Active += (int)row[4];
        sum.Tokens += (long)row[5];
        sum.MarginSum += row[6];
        sum.Pairs += (long)row[7];
        sum.OrderedPairs += (long)row[8];
        return row[0] != 0;
    }
}
