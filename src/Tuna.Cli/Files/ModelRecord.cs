using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.IO;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Files;

/// <summary>How a model folder came to be: <c>tuna.json</c> beside its weights. Its presence says that the stage finished.</summary>
internal static class ModelRecord
{
    public const string FileName = "tuna.json";

    /// <summary>What each step of the training showed, kept with the model.</summary>
    public const string MetricsName = "training.jsonl";

    /// <summary>Writes the record into a folder that is being filled.</summary>
    public static void Write(string folder, Fingerprint settings, JsonObject facts, JsonObject? versions = null)
    {
        var record = new JsonObject { ["settings"] = settings.ToJson(), ["facts"] = facts.DeepClone() };
        if (versions is not null)
            record["versions"] = versions.DeepClone();
        AtomicFile.WriteAllText(Path.Combine(folder, FileName), record.ToJsonString(JsonText.Indented) + "\n");
    }

    /// <summary>Whether the folder holds the finished model of these settings.</summary>
    /// <exception cref="StageException">It holds something else, which must not be overwritten.</exception>
    public static bool IsFinished(string folder, Fingerprint settings)
    {
        if (!Directory.Exists(folder) || !Directory.EnumerateFileSystemEntries(folder).Any())
            return false;
        string record = Path.Combine(folder, FileName);
        if (!File.Exists(record))
            throw new StageException($"{folder} exists and was not made by this program. Take another folder.");
        if (settings.Difference(Read(record)?["settings"] as JsonObject) is { } difference)
            throw new StageException(
                $"{folder} holds a model that was made with other settings: {difference}. Take another folder, or delete it.");
        return true;
    }

    /// <summary>All that a model's record holds, empty when it has none.</summary>
    public static JsonObject All(string folder) =>
        File.Exists(Path.Combine(folder, FileName)) && Read(Path.Combine(folder, FileName)) is { } record ? record : [];

    /// <summary>The facts of a finished model, empty when it has no record.</summary>
    public static JsonObject Facts(string folder)
    {
        string record = Path.Combine(folder, FileName);
        return File.Exists(record) && Read(record)?["facts"] is JsonObject facts ? (JsonObject)facts.DeepClone() : [];
    }

    private static JsonObject? Read(string record)
    {
        try
        {
            return JsonNode.Parse(File.ReadAllText(record)) as JsonObject;
        }
        catch (JsonException e)
        {
            throw new StageException($"{record} is damaged: {e.Message}", inner: e);
        }
    }
}
