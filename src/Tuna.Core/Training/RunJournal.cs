using Microsoft.Extensions.Logging;
using Tuna.IO;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>What a run leaves behind: its history, and with a run folder its metrics file and checkpoints.</summary>
internal sealed class RunJournal(TrainingSetup setup) : IDisposable
{
    private readonly string? _folder = setup.Group.Rank == 0 ? setup.Options.RunFolder : null; // one process writes
    private readonly List<TrainingStep> _steps = [];
    private readonly List<TrainingEvaluation> _evaluations = [];
    private FileLock? _lock;
    private MetricsWriter? _metrics;
    private (long Step, int MicroBatch, long MetricsLength) _saved;
    private Task<string>? _writing; // the checkpoint that is written while training goes on

    public IReadOnlyList<TrainingStep> Steps => _steps;

    public IReadOnlyList<TrainingEvaluation> Evaluations => _evaluations;

    public string? LastCheckpoint { get; private set; }

    public long MetricsLength => _metrics?.Length ?? 0;

    /// <summary>Opens the run folder and gives the checkpoint to resume from, if any.</summary>
    /// <exception cref="FileInUseException">Another process trains in the folder.</exception>
    /// <exception cref="InvalidDataException">Checkpoints are there, but all are damaged.</exception>
    /// <exception cref="InvalidOperationException">The folder holds a run and resuming is switched off, or a run with other data or
    /// options.</exception>
    public TrainingCheckpoint? Open()
    {
        if (_folder is null)
            return null;
        _lock = FileLock.AcquireInside(_folder, "run");
        IReadOnlyList<string> checkpoints = TrainingCheckpoint.Folders(_folder);
        string metrics = Path.Combine(_folder, MetricsFile.FileName);
        if (!setup.Options.Resume && (checkpoints.Count > 0 || File.Exists(metrics)))
            throw new InvalidOperationException(
                $"{_folder} already holds a run; choose another folder, or set {nameof(TrainerOptions.Resume)} to continue it.");

        TrainingCheckpoint? latest = TrainingCheckpoint.FindLatest(_folder, out IReadOnlyList<string> damaged);
        foreach (string passedOver in damaged)
            TrainerLog.CheckpointIgnored(setup.Logger, passedOver);
        if (latest is not null)
        {
            RefuseOthers(latest);
            if (TrainerStateCheck.Fault(latest.State, new TrainingPlan(setup.Groups.Count, setup.Options)) is { } fault)
                throw new InvalidDataException(
                    $"{latest.Folder}: {fault}. The checkpoint is damaged; delete it to go on from the one before.");
            if (setup.Options.EndWithBest && latest.State.Watch is { BestStep: > 0 } watch
                && !Directory.Exists(Path.Combine(_folder, TrainingCheckpoint.FolderName(watch.BestStep, 0))))
                throw new InvalidDataException(
                    $"{latest.Folder} says that the best checkpoint is {TrainingCheckpoint.FolderName(watch.BestStep, 0)}, which is gone. "
                    + $"Put it back, or delete the run folder to start again.");
        }
        else if (damaged.Count > 0)
        {
            throw new InvalidDataException(
                $"No checkpoint of {_folder} can be used. {string.Join(' ', damaged)} Put an undamaged copy there, or delete the run "
                + $"folder to start again.");
        }
        RemovePartials(_folder);
        if (latest is not null && MetricsWriter.Restore(_folder, latest.Folder))
            TrainerLog.MetricsRestored(setup.Logger, metrics, latest.Folder);
        _metrics = MetricsWriter.Open(_folder, latest?.State.MetricsLength ?? 0);
        if (latest is not null)
        {
            Take(metrics, latest);
            _saved = (latest.State.Step, latest.State.MicroBatch, latest.State.MetricsLength);
        }
        return latest;
    }

    /// <summary>Takes over the history of a checkpoint that another process has opened.</summary>
    public void Follow(TrainingCheckpoint checkpoint) => Take(Path.Combine(checkpoint.Folder, MetricsFile.FileName), checkpoint);

    public void Append(TrainingStep step)
    {
        if (_writing is { IsCompleted: true })
            Settle(); // a full disk ends the run now, not at the next checkpoint
        _steps.Add(step);
        _metrics?.Append(step);
    }

    public void Append(TrainingEvaluation evaluation)
    {
        _evaluations.Add(evaluation);
        _metrics?.Append(evaluation);
    }

    /// <summary>Whether a state has still to be written.</summary>
    public bool IsDue(TrainerState state) => _folder is not null && _saved != (state.Step, state.MicroBatch, state.MetricsLength);

    /// <summary>Writes a checkpoint, unless this very state has one, and deletes those that are no longer kept; or begins to, where that
    /// goes on beside training.</summary>
    public void Save(TrainerState state, ITrainableScorer model)
    {
        if (_folder is null || !IsDue(state))
            return;
        Settle();
        _metrics!.FlushToDisk();
        IStateCopy? copy = setup.Options.AsyncCheckpoints ? model.CopyState() : null;
        if (copy is null)
            LastCheckpoint = Write(_folder, state, Save);
        else
            _writing = Task.Run(() => WriteCopy(_folder, state, copy));
        _saved = (state.Step, state.MicroBatch, state.MetricsLength);

        void Save(string folder)
        {
            model.SaveModel(folder);
            model.SaveTrainingState(folder);
        }
    }

    /// <summary>Waits for the checkpoint that is being written.</summary>
    /// <exception cref="IOException">It could not be written.</exception>
    public void Settle()
    {
        if (_writing is not { } writing)
            return;
        _writing = null;
        LastCheckpoint = writing.GetAwaiter().GetResult();
    }

    private string WriteCopy(string run, TrainerState state, IStateCopy copy)
    {
        using (copy)
            return Write(run, state, copy.Save);
    }

    private string Write(string run, TrainerState state, Action<string> save)
    {
        string written = TrainingCheckpoint.Write(run, state, save);
        TrainerLog.CheckpointWritten(setup.Logger, written);
        Prune(run, written);
        return written;
    }

    /// <summary>The folder of the best checkpoint, all of whose bytes are as they were written.</summary>
    /// <exception cref="InvalidDataException">It is damaged or gone.</exception>
    public string Best(long step)
    {
        Settle();
        string folder = Path.Combine(_folder!, TrainingCheckpoint.FolderName(step, 0));
        return TrainingCheckpoint.Read(folder, out string? fault) is not null ? folder : throw new InvalidDataException(
            $"{folder} is the best checkpoint, and it cannot be used: {fault}. Put an undamaged copy there, or switch "
            + $"{nameof(TrainerOptions.EndWithBest)} off in another run folder.");
    }

    // Of the newest checkpoints each may be the one to go on from, and so the best one that it names has to stay too.
    private void Prune(string folder, string written)
    {
        string[] saved = [.. TrainingCheckpoint.Folders(folder).SkipWhile(f => f != written)];
        HashSet<string> kept = [.. saved.Take(setup.Options.KeepCheckpoints)];
        foreach (string newest in kept.ToArray())
        {
            if (TrainingCheckpoint.BestStep(newest) is { } best)
                kept.Add(Path.Combine(folder, TrainingCheckpoint.FolderName(best, 0)));
        }
        foreach (string old in saved.Where(f => !kept.Contains(f)))
            AtomicFolder.Delete(old);
    }

    public void Dispose()
    {
        try
        {
            Settle(); // nobody else may write here before it is there
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TrainerLog.CheckpointFailed(setup.Logger, e.Message); // the run ends by what was thrown before
        }
        finally
        {
            _metrics?.Dispose();
            _lock?.Dispose();
        }
    }

    private void Take(string metrics, TrainingCheckpoint checkpoint)
    {
        if (File.Exists(metrics)) // checkpoints of earlier versions have no copy of their own
        {
            (IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations) = MetricsFile.Read(metrics);
            _steps.AddRange(steps);
            _evaluations.AddRange(evaluations);
        }

        LastCheckpoint = checkpoint.Folder;
    }

    private void RefuseOthers(TrainingCheckpoint checkpoint)
    {
        TrainerState state = checkpoint.State;
        var differences = new List<string>();
        if (state.Version > TrainerState.CurrentVersion)
            differences.Add($"the format's version is {state.Version} and this library reads up to {TrainerState.CurrentVersion}");
        if (state.GroupCount != setup.Groups.Count)
            differences.Add($"the data had {state.GroupCount} groups and has {setup.Groups.Count}");
        else if (state.Data != setup.DataFingerprint)
            differences.Add("the data has other groups, or another order of them");
        SortedDictionary<string, string> current = Comparable(state.Version), defaults = new TrainerOptions().Fingerprint();
        foreach (string name in state.Options.Keys.Union(current.Keys).Order(StringComparer.Ordinal))
        {
            // An option that the checkpoint does not know yet had what is its default today.
            string was = state.Options.GetValueOrDefault(name) ?? defaults.GetValueOrDefault(name, "unknown");
            string now = current.GetValueOrDefault(name, "unknown");
            if (was != now)
                differences.Add($"{name} was '{was}' and is '{now}'");
        }
        if (differences.Count > 0)
            throw new InvalidOperationException(
                $"{checkpoint.Folder} cannot be resumed: {string.Join("; ", differences)}. Use the same data and options, or another run "
                + $"folder.");
    }

    /// <summary>This run's fingerprint as a checkpoint of some version records it.</summary>
    private SortedDictionary<string, string> Comparable(int version) => version > 1
        ? setup.Fingerprint
        : new SortedDictionary<string, string>(setup.Fingerprint, StringComparer.Ordinal) { ["Loss"] = LossProbe.Of(setup.Loss) };

    private static void RemovePartials(string folder)
    {
        foreach (string partial in Directory.GetFileSystemEntries(folder, "*" + AtomicFile.PartialSuffix))
            Leftovers.Delete(partial);
    }
}
