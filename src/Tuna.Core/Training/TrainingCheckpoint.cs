using System.Globalization;
using System.Text.Json;
using Tuna.IO;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>A complete checkpoint of a run: a Hugging Face model folder that also holds the trainer's and the engine's state.</summary>
/// <remarks>Named <c>checkpoint-SSSSSSSS</c> after the finished steps, with <c>-mMMMMM</c> behind it when it was taken within a step after that many micro-batches.</remarks>
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

    /// <summary>The newest complete checkpoint of a run, or null. Half-written and damaged ones are passed over.</summary>
    public static TrainingCheckpoint? FindLatest(string runFolder) => Folders(runFolder).Select(Open).FirstOrDefault(c => c is not null);

    /// <summary>Folders that are named as checkpoints, newest first.</summary>
    internal static IReadOnlyList<string> Folders(string runFolder) => !Directory.Exists(runFolder) ? [] :
        Directory.GetDirectories(runFolder, Prefix + "*")
            .Where(f => !f.EndsWith(AtomicFile.PartialSuffix, StringComparison.Ordinal))
            .OrderDescending(StringComparer.Ordinal)
            .ToList();

    internal static string FolderName(long step, int microBatch) => microBatch == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D8}")
        : string.Create(CultureInfo.InvariantCulture, $"{Prefix}{step:D8}-m{microBatch:D5}");

    /// <summary>Writes a checkpoint to the side and gives it its name.</summary>
    internal static string Write(string runFolder, TrainerState state, ITrainableScorer policy)
    {
        string folder = Path.Combine(runFolder, FolderName(state.Step, state.MicroBatch));
        AtomicFolder.Write(folder, partial =>
        {
            policy.SaveModel(partial);
            policy.SaveTrainingState(partial);
            byte[] json = JsonSerializer.SerializeToUtf8Bytes(state with { Files = Lengths(partial) }, TrainerStateJson.Default.TrainerState);
            File.WriteAllBytes(Path.Combine(partial, StateFile), json);
        });
        return folder;
    }

    private static TrainingCheckpoint? Open(string folder)
    {
        string file = Path.Combine(folder, StateFile);
        if (!File.Exists(file))
            return null;
        try
        {
            TrainerState? state = JsonSerializer.Deserialize(File.ReadAllBytes(file), TrainerStateJson.Default.TrainerState);
            SortedDictionary<string, long> found = Lengths(folder);
            found.Remove(StateFile);
            bool complete = state?.Files?.Count == found.Count && found.All(f => state.Files.TryGetValue(f.Key, out long length) && length == f.Value);
            return complete ? new TrainingCheckpoint(folder, state!) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static SortedDictionary<string, long> Lengths(string folder)
    {
        var lengths = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            lengths[Path.GetRelativePath(folder, file).Replace('\\', '/')] = new FileInfo(file).Length;
        return lengths;
    }
}
