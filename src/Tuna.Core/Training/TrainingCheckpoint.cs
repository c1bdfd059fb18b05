using System.Globalization;
using System.Text.Json;
using Tuna.IO;

namespace Tuna.Training;

/// <summary>A complete checkpoint of a run: a Hugging Face model folder that also holds the trainer's and the engine's state, the metrics
/// so far, and checksums.</summary>
/// <remarks>Named <c>checkpoint-SSSSSSSS</c> after the finished steps, with <c>-mMMMMM</c> behind it when it was taken within a step after
/// that many micro-batches.</remarks>
public sealed class TrainingCheckpoint
{
    internal const string StateFile = "trainer.json";
    private const string Prefix = "checkpoint-";

    private TrainingCheckpoint(string folder, TrainerState state)
    {
        Folder = folder;
        State = state;
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>Finished steps.</summary>
    public long Step => State.Step;

    /// <summary>Micro-batches of the run that are done.</summary>
    public long MicroBatchesDone => State.MicroBatchesDone;

    internal TrainerState State { get; }

    /// <summary>The newest undamaged checkpoint of a run, or null. All its bytes are read and compared with its checksums.</summary>
    public static TrainingCheckpoint? FindLatest(string runFolder) => FindLatest(runFolder, out _);

    /// <summary>The newest undamaged checkpoint of a run, or null. All its bytes are read and compared with its checksums.</summary>
    /// <param name="runFolder">The run's folder, which need not exist.</param>
    /// <param name="passedOver">A sentence for each newer checkpoint that is damaged: its folder, and what is wrong with it.</param>
    public static TrainingCheckpoint? FindLatest(string runFolder, out IReadOnlyList<string> passedOver)
    {
        var damaged = new List<string>();
        passedOver = damaged;
        foreach (string folder in Folders(runFolder))
        {
            (TrainingCheckpoint? checkpoint, string? fault) = Open(folder);
            if (checkpoint is not null)
                return checkpoint;
            damaged.Add($"{folder}: {fault}.");
        }
        return null;
    }

    /// <summary>The checkpoint in a folder, or null and what is wrong with it.</summary>
    internal static TrainingCheckpoint? Read(string folder, out string? fault)
    {
        (TrainingCheckpoint? checkpoint, fault) = Open(folder);
        return checkpoint;
    }

    /// <summary>Folders that are named as checkpoints, newest first.</summary>
    internal static IReadOnlyList<string> Folders(string runFolder) => !Directory.Exists(runFolder) ? [] :
        Directory.GetDirectories(runFolder, Prefix + "*")
            .Where(f => !f.EndsWith(AtomicFile.PartialSuffix, StringComparison.Ordinal))
            .OrderDescending(StringComparer.Ordinal)
            .ToList();

    /// <summary>The step of the best checkpoint that another one names, or null. Its bytes are not compared with its checksums.</summary>
    internal static long? BestStep(string folder)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(Path.Combine(folder, StateFile)), TrainerStateJson.Default.TrainerState)
                ?.Watch is { BestStep: > 0 } watch ? watch.BestStep : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null; // damaged: nobody goes on from it
        }
    }

    internal static string FolderName(long step, int microBatch) => microBatch == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D8}")
        : string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D8}-m{microBatch:D5}");

    /// <summary>Writes a checkpoint to the side and gives it its name.</summary>
    /// <param name="runFolder">The run's folder.</param>
    /// <param name="state">The trainer's state.</param>
    /// <param name="save">Writes the model and its training state into an existing folder.</param>
    internal static string Write(string runFolder, TrainerState state, Action<string> save)
    {
        string folder = Path.Combine(runFolder, FolderName(state.Step, state.MicroBatch));
        AtomicFolder.Write(folder, partial =>
        {
            save(partial);
            MetricsWriter.CopyStart(Path.Combine(runFolder, MetricsFile.FileName), state.MetricsLength,
                Path.Combine(partial, MetricsFile.FileName));
            byte[] json = JsonSerializer.SerializeToUtf8Bytes(state with { Files = null }, TrainerStateJson.Default.TrainerState);
            File.WriteAllBytes(Path.Combine(partial, StateFile), json);
            CheckpointChecksums.Write(partial);
        });
        return folder;
    }

    private static (TrainingCheckpoint? Checkpoint, string? Fault) Open(string folder)
    {
        try
        {
            string file = Path.Combine(folder, StateFile);
            if (!File.Exists(file))
                return (null, $"{StateFile} is missing");
            if (CheckpointChecksums.Exist(folder) && CheckpointChecksums.Difference(folder) is { } difference)
                return (null, difference);
            TrainerState? state = JsonSerializer.Deserialize(File.ReadAllBytes(file), TrainerStateJson.Default.TrainerState);
            string? fault = state is null ? $"{StateFile} holds null" : Fault(folder, state);
            return fault is null ? (new TrainingCheckpoint(folder, state!), null) : (null, fault);
        }
        catch (JsonException e)
        {
            return (null, $"{StateFile} cannot be read: {e.Message}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, e.Message);
        }
    }

    private static string? Fault(string folder, TrainerState state)
    {
        if (state.Version > 1 && !CheckpointChecksums.Exist(folder))
            return $"{CheckpointChecksums.FileName} is missing";
        if (state.Version <= 1 && !CheckpointChecksums.Exist(folder) && !HasLengths(folder, state))
            return $"its files do not have the lengths that {StateFile} states";
        return TrainerStateCheck.Fault(state, Path.GetFileName(folder));
    }

    private static bool HasLengths(string folder, TrainerState state)
    {
        var found = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            found[Path.GetRelativePath(folder, file).Replace('\\', '/')] = new FileInfo(file).Length;
        found.Remove(StateFile);
        return state.Files?.Count == found.Count && found.All(f => state.Files.TryGetValue(f.Key, out long length) && length == f.Value);
    }
}
