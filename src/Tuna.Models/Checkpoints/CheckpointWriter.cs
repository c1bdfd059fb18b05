using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Tuna.Models.Checkpoints;

/// <summary>Writes a model's tensors in the Hugging Face layout: one <c>model.safetensors</c>, or shards and their index.</summary>
public static class CheckpointWriter
{
    /// <summary>Largest shard by default, 5 GB, as Transformers has long written.</summary>
    public const long DefaultMaxShardBytes = 5_000_000_000;

    private static readonly Dictionary<string, string> Metadata = new(StringComparer.Ordinal) { ["format"] = "pt" };

    /// <summary>Writes all tensors into an existing folder, one at a time.</summary>
    /// <inheritdoc cref="Write(CheckpointFiles, IReadOnlyList{TensorSpec}, Action{SafetensorsWriter, TensorSpec}, long)"/>
    public static void Write(string folder, IReadOnlyList<TensorSpec> tensors, Action<SafetensorsWriter, TensorSpec> write,
        long maxShardBytes = DefaultMaxShardBytes)
    {
        using CheckpointFiles files = CheckpointFiles.InFolder(folder);
        Write(files, tensors, write, maxShardBytes);
    }

    /// <summary>Writes all tensors, one at a time.</summary>
    /// <param name="files">Where to.</param>
    /// <param name="tensors">What to write, in the model's order.</param>
    /// <param name="write">Called once per tensor to write its elements.</param>
    /// <param name="maxShardBytes">A shard is closed before it would exceed this; a single larger tensor gets its own.</param>
    /// <exception cref="InvalidDataException">A weight is not finite in the type it is to be stored in; the message names the
    /// tensor.</exception>
    public static void Write(CheckpointFiles files, IReadOnlyList<TensorSpec> tensors, Action<SafetensorsWriter, TensorSpec> write,
        long maxShardBytes = DefaultMaxShardBytes)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentNullException.ThrowIfNull(tensors);
        ArgumentNullException.ThrowIfNull(write);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxShardBytes);
        List<List<TensorSpec>> shards = Split(tensors, maxShardBytes);
        for (int s = 0; s < shards.Count; s++)
        {
            using SafetensorsWriter writer = files.Open(FileName(s, shards.Count), shards[s], Metadata);
            writer.RequireFinite = true;
            foreach (TensorSpec tensor in shards[s])
                write(writer, tensor);
            writer.Complete();
        }
        // The index comes last: it is what makes the shards a checkpoint.
        if (shards.Count > 1)
            files.Write(CheckpointReader.IndexFile, Index(shards));
    }

    private static List<List<TensorSpec>> Split(IReadOnlyList<TensorSpec> tensors, long maxShardBytes)
    {
        var shards = new List<List<TensorSpec>> { new() };
        long size = 0;
        foreach (TensorSpec tensor in tensors)
        {
            if (shards[^1].Count > 0 && size + tensor.ByteLength > maxShardBytes)
            {
                shards.Add([]);
                size = 0;
            }
            shards[^1].Add(tensor);
            size += tensor.ByteLength;
        }
        return shards;
    }

    private static string FileName(int shard, int count) => count == 1
        ? CheckpointReader.SingleFile
        : string.Create(CultureInfo.InvariantCulture, $"model-{shard + 1:D5}-of-{count:D5}.safetensors");

    private static ReadOnlySpan<byte> Index(List<List<TensorSpec>> shards)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, NewLine = "\n" });
        json.WriteStartObject();
        json.WriteStartObject("metadata");
        json.WriteNumber("total_parameters", shards.Sum(s => s.Sum(t => t.ElementCount)));
        json.WriteNumber("total_size", shards.Sum(s => s.Sum(t => t.ByteLength)));
        json.WriteEndObject();
        json.WriteStartObject("weight_map");
        var map = shards.SelectMany((shard, s) => shard.Select(t => (t.Name, File: FileName(s, shards.Count))));
        foreach ((string name, string file) in map.OrderBy(m => m.Name, StringComparer.Ordinal))
            json.WriteString(name, file);
        json.WriteEndObject();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan;
    }
}
