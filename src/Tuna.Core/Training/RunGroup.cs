using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Tuna.Distributed;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>What the processes of a run agree on: that they do the same run, from where, and what rank 0 alone reads and writes.</summary>
/// <remarks>A group of one has nothing to agree on, and every member is the plain call.</remarks>
internal sealed class RunGroup(TrainingSetup setup, RunJournal journal)
{
    private readonly IProcessGroup _group = setup.Group;
    private readonly IDataParallelScorer? _copies = setup.Model as IDataParallelScorer;
    private readonly HeldOutMeasure? _heldOut = setup.HeldOut is null ? null : new(setup.Model, setup.Loss, setup.HeldOut);

    public bool IsFirst => _group.Rank == 0;

    private bool Alone => _group.Size == 1;

    /// <summary>Makes sure that all processes have the same options, data and library.</summary>
    /// <exception cref="ProcessGroupException">Names a rank that has others, and the first difference.</exception>
    public void RequireSameRun()
    {
        _copies?.Join(_group, setup.Options.ShardOptimizer);
        if (Alone)
            return;
        var mine = new SortedDictionary<string, string>(setup.Fingerprint, StringComparer.Ordinal)
        {
            ["Data"] = setup.DataFingerprint,
            ["ShardOptimizer"] = setup.Options.ShardOptimizer ? "true" : "false",
            ["Evaluation"] = setup.Evaluate is null ? "none" : "given",
            ["Checkpoints"] =
                $"{setup.Options.CheckpointEverySteps} {setup.Options.CheckpointOnCancellation} {setup.Options.RunFolder is null}",
            ["Version of the library"] = $"{typeof(RunGroup).Assembly.GetName().Version}",
            ["Vectors"] =
                $"{Vector128.IsHardwareAccelerated} {Vector256.IsHardwareAccelerated} {Vector512.IsHardwareAccelerated} {Fma.IsSupported} "
                + $"{Avx2.IsSupported} {Avx512F.IsSupported}",
        };
        string first = _group.BroadcastText(Text(mine));
        string? difference = Difference(first, Text(mine));
        double[] differ = _group.AllGather(difference is null ? 0 : 1);
        int other = Array.FindIndex(differ, d => d != 0);
        if (other >= 0)
            throw new ProcessGroupException(
                $"Rank {other} of {_group.Size} does not do the same run as rank 0: {_group.BroadcastText(difference, other)}. Start all "
                + $"ranks with the same command, program and files, on processors with the same vectors.");
    }

    /// <summary>Opens the run on rank 0; all processes continue from the same checkpoint.</summary>
    public TrainingCheckpoint? Open()
    {
        if (Alone)
            return journal.Open();
        TrainingCheckpoint? checkpoint = IsFirst ? journal.Open() : null;
        string folder = _group.BroadcastText(checkpoint?.Folder ?? "");
        if (IsFirst || folder.Length == 0)
            return checkpoint;
        checkpoint = TrainingCheckpoint.Read(folder, out string? fault)
            ?? throw new ProcessGroupException(
                $"Rank {_group.Rank} cannot go on from rank 0's checkpoint {folder}: {fault}. The run's folder has to be one that all "
                + $"machines share.");
        journal.Follow(checkpoint);
        return checkpoint;
    }

    /// <summary>Makes sure that all copies of the model have the same weights.</summary>
    /// <exception cref="ProcessGroupException">Names a rank that has others.</exception>
    public void RequireSameWeights(long step)
    {
        if (Alone)
            return;
        ulong hash = _copies!.WeightsHash();
        double[] low = _group.AllGather((double)(hash & uint.MaxValue)), high = _group.AllGather((double)(hash >> 32));
        for (int rank = 1; rank < _group.Size; rank++)
        {
            if (low[rank] != low[0] || high[rank] != high[0])
                throw new ProcessGroupException(
                    $"After step {step} rank {rank} has other weights than rank 0. " + (step == 0
                        ? "Give all ranks the same model folder."
                        : "The processors do not compute the same; train on equal machines."));
        }
    }

    /// <summary>Writes a checkpoint, unless this very state has one: rank 0, with what the others send.</summary>
    public void Save(TrainerState state)
    {
        if (Alone)
        {
            journal.Save(state, setup.Model);
            return;
        }

        bool due = _group.BroadcastBytes(IsFirst && journal.IsDue(state) ? [1] : null).Length > 0;
        if (!due)
            return;
        RequireSameWeights(state.Step);
        if (IsFirst)
            journal.Save(state, setup.Model);
        else
            _copies!.SendTrainingState();
        _group.BroadcastBytes(null); // nobody goes on before it is there, or copied
    }

    /// <summary>Evaluates on rank 0 and tells the others.</summary>
    /// <exception cref="OperationCanceledException">Rank 0 was asked to stop.</exception>
    public SortedDictionary<string, double> Evaluate(long step, CancellationToken cancellationToken)
    {
        byte[]? told = null;
        if (IsFirst)
        {
            try
            {
                SortedDictionary<string, double> own = Measure(step, cancellationToken);
                if (Alone)
                    return own;
                told = Encode(own);
            }
            catch (OperationCanceledException) when (!Alone)
            {
                _group.BroadcastBytes(null);
                throw;
            }
        }

        told = _group.BroadcastBytes(told);
        return told.Length > 0 ? Decode(told) : throw new OperationCanceledException("Rank 0 was asked to stop.");
    }

    /// <summary>Gives all processes the weights, and the state, of the best checkpoint.</summary>
    /// <exception cref="InvalidDataException">It is damaged or gone.</exception>
    public string LoadBest(long step)
    {
        string folder = IsFirst ? journal.Best(step) : "";
        if (!Alone)
            folder = _group.BroadcastText(folder);
        setup.Model.LoadTrainingState(folder);
        return folder;
    }

    private SortedDictionary<string, double> Measure(long step, CancellationToken cancellationToken)
    {
        var sorted = new SortedDictionary<string, double>(StringComparer.Ordinal);
        if (setup.Evaluate is not null)
        {
            foreach ((string name, double value) in setup.Evaluate(step, cancellationToken))
                sorted[name] = value;
        }
        _heldOut?.AddTo(sorted, cancellationToken);
        return sorted;
    }

    private static byte[] Encode(SortedDictionary<string, double> values)
    {
        var stream = new MemoryStream();
        using (var writer = new BinaryWriter(stream, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(values.Count);
            foreach ((string name, double value) in values)
            {
                writer.Write(name);
                writer.Write(value);
            }
        }

        return stream.ToArray();
    }

    private static SortedDictionary<string, double> Decode(byte[] bytes)
    {
        using var reader = new BinaryReader(new MemoryStream(bytes), Encoding.UTF8);
        var values = new SortedDictionary<string, double>(StringComparer.Ordinal);
        for (int left = reader.ReadInt32(); left > 0; left--)
        {
            string name = reader.ReadString();
            values[name] = reader.ReadDouble();
        }

        return values;
    }

    private static string Text(SortedDictionary<string, string> values) => string.Join('\n', values.Select(v => $"{v.Key} is '{v.Value}'"));

    private static string? Difference(string first, string mine)
    {
        string[] theirs = first.Split('\n'), own = mine.Split('\n');
        for (int i = 0; i < Math.Max(theirs.Length, own.Length); i++)
        {
            if (i >= theirs.Length || i >= own.Length || theirs[i] != own[i])
                return $"{(i < own.Length ? own[i] : "nothing")}, and on rank 0 {(i < theirs.Length ? theirs[i] : "nothing")}";
        }

        return null;
    }
}
