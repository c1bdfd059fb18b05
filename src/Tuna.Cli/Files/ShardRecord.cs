using System.Text.Json;
using System.Text.Json.Serialization;
using Tuna.Cli.Hosting;
using Tuna.IO;

namespace Tuna.Cli.Files;

/// <summary>What is in a share's output, beside it: <c>....jsonl.shard.json</c>. It appears last, so that its presence says that the share
/// is done.</summary>
internal sealed record ShardRecord
{
    /// <summary>Which share, 0-based.</summary>
    public required int Shard { get; init; }

    /// <summary>How many shares there are.</summary>
    public required int Of { get; init; }

    /// <summary>Rows of the whole input.</summary>
    public required int AllRows { get; init; }

    /// <summary>Rows of the share's input.</summary>
    public required int Rows { get; init; }

    /// <summary>Which of them, 0-based, could not be made.</summary>
    public required int[] Missing { get; init; }

    /// <summary>What the rows depend on, as a hash.</summary>
    public required string Settings { get; init; }

    /// <summary>The output's hash.</summary>
    public required string Sha256 { get; init; }

    public static string PathFor(string output) => output + ".shard.json";

    public void Save(string output) =>
        AtomicFile.WriteAllText(PathFor(output), JsonSerializer.Serialize(this, ShardRecordJson.Default.ShardRecord) + "\n");

    /// <exception cref="StageException">There is none, or it cannot be read.</exception>
    public static ShardRecord Load(string output)
    {
        string path = PathFor(output);
        if (!File.Exists(path))
            throw new StageException(
                $"{output}: the share is not finished ({path} is missing). Run its command again; it goes on where it was.");
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), ShardRecordJson.Default.ShardRecord)
                ?? throw new StageException($"{path} holds null. Run the share's command again.");
        }
        catch (JsonException e)
        {
            throw new StageException($"{path} is damaged: {e.Message} Run the share's command again.", inner: e);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(ShardRecord))]
internal sealed partial class ShardRecordJson : JsonSerializerContext;
