using System.Buffers;
using System.Text;
using System.Text.Json;
using Tuna.Text;

namespace Tuna.Models.Checkpoints;

/// <summary>The JSON header of a safetensors file, parsed and checked against the length of the file.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The format's own limit; a longer header is a lie or an attack.</summary>
    public const long MaxLength = 100_000_000;

    private SafetensorsHeader(Dictionary<string, TensorInfo> tensors, Dictionary<string, string> metadata)
    {
        Tensors = tensors;
        Metadata = metadata;
    }

    public Dictionary<string, TensorInfo> Tensors { get; }

    public Dictionary<string, string> Metadata { get; }

    /// <summary>Parses a header.</summary>
    /// <param name="json">The header's bytes.</param>
    /// <param name="dataStart">First byte of the data section in the file.</param>
    /// <param name="fileLength">Length of the file.</param>
    /// <param name="path">Names the file in errors.</param>
    public static SafetensorsHeader Parse(ReadOnlyMemory<byte> json, long dataStart, long fileLength, string path)
    {
        if (json.IsEmpty || json.Span[0] != (byte)'{')
            throw Bad(path, "the header is not a JSON object");
        var tensors = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
        Dictionary<string, string>? metadata = null;
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            foreach (JsonProperty entry in document.RootElement.EnumerateObject())
            {
                if (entry.NameEquals("__metadata__"))
                {
                    if (metadata is not null)
                        throw Bad(path, "__metadata__ appears twice");
                    metadata = ReadMetadata(entry.Value, path);
                }
                else if (!tensors.TryAdd(entry.Name, ReadTensor(entry, dataStart, fileLength, path)))
                    throw Bad(path, $"tensor '{entry.Name}' appears twice");
            }
        }
        // GetString throws InvalidOperationException on text that is no valid UTF-8 or holds half a surrogate pair.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InvalidDataException($"{path}: the safetensors header is not valid JSON: {ForeignText.Shorten(e.Message, 300)}", e);
        }
        CheckLayout(tensors, dataStart, fileLength, path);
        return new SafetensorsHeader(tensors, metadata ?? []);
    }

    /// <summary>Serializes a header as the Python library does: metadata first, then the tensors in file order, padded with spaces to a
    /// multiple of 8.</summary>
    public static byte[] Write(IReadOnlyList<TensorInfo> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer,
            new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (TensorInfo tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.DType.SafetensorsName());
                json.WriteStartArray("shape");
                foreach (long d in tensor.Shape)
                    json.WriteNumberValue(d);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(tensor.Offset);
                json.WriteNumberValue(tensor.Offset + tensor.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        byte[] padded = new byte[(buffer.WrittenCount + 7) / 8 * 8];
        padded.AsSpan().Fill((byte)' ');
        buffer.WrittenSpan.CopyTo(padded);
        return padded;
    }

    private static Dictionary<string, string> ReadMetadata(JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Bad(path, "__metadata__ is not an object");
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (JsonProperty entry in value.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
                throw Bad(path, $"__metadata__ entry '{entry.Name}' is not text");
            if (!metadata.TryAdd(entry.Name, entry.Value.GetString()!))
                throw Bad(path, $"__metadata__ entry '{entry.Name}' appears twice");
        }
        return metadata;
    }

    private static TensorInfo ReadTensor(JsonProperty entry, long dataStart, long fileLength, string path)
    {
        string name = entry.Name;
        if (entry.Value.ValueKind != JsonValueKind.Object)
            throw Bad(path, $"tensor '{name}' is not described by an object");
        TensorDType? dtype = null;
        long[]? shape = null, offsets = null;
        foreach (JsonProperty field in entry.Value.EnumerateObject())
        {
            bool twice = false;
            switch (field.Name)
            {
                case "dtype":
                    twice = dtype is not null;
                    if (field.Value.ValueKind != JsonValueKind.String
                        || !TensorDTypes.TryParseSafetensors(field.Value.GetString(), out TensorDType parsed))
                        throw Bad(path, $"tensor '{name}' has the unknown dtype {field.Value.GetRawText()}");
                    dtype = parsed;
                    break;
                case "shape":
                    twice = shape is not null;
                    shape = ReadCounts(field.Value, name, "shape", path);
                    break;
                case "data_offsets":
                    twice = offsets is not null;
                    offsets = ReadCounts(field.Value, name, "data_offsets", path);
                    break;
                default:
                    throw Bad(path, $"tensor '{name}' has the unknown field '{field.Name}'");
            }
            if (twice)
                throw Bad(path, $"tensor '{name}' has '{field.Name}' twice");
        }
        if (dtype is not { } type || shape is null || offsets is not { Length: 2 })
            throw Bad(path, $"tensor '{name}' lacks its dtype, shape or two data_offsets");

        (long begin, long end) = (offsets[0], offsets[1]);
        long available = fileLength - dataStart;
        if (begin > end || end > available)
            throw Bad(path,
                $"tensor '{name}' lies at bytes {begin} to {end} of {available} bytes of data; the file is truncated or its header is "
                + $"wrong");
        long bytes;
        try
        {
            bytes = shape.Aggregate((long)type.Size(), (n, d) => checked(n * d));
        }
        catch (OverflowException)
        {
            throw Bad(path, $"tensor '{name}' has a shape that overflows: [{string.Join(", ", shape)}]");
        }
        if (bytes != end - begin)
            throw Bad(path,
                $"tensor '{name}' of {type.SafetensorsName()} [{string.Join(", ", shape)}] takes {bytes} bytes, but its offsets span "
                + $"{end - begin}");
        return new TensorInfo(name, type, shape, dataStart + begin, bytes);
    }

    private static long[] ReadCounts(JsonElement value, string name, string field, string path)
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw Bad(path, $"tensor '{name}': {field} is not an array");
        var counts = new long[value.GetArrayLength()];
        int i = 0;
        foreach (JsonElement item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt64(out counts[i]) || counts[i] < 0)
                throw Bad(path, $"tensor '{name}': {field} holds {item.GetRawText()}, which is not a count");
            i++;
        }
        return counts;
    }

    /// <summary>Tensors must tile the data section: no overlap, no hole, nothing after the last.</summary>
    private static void CheckLayout(Dictionary<string, TensorInfo> tensors, long dataStart, long fileLength, string path)
    {
        long next = dataStart;
        foreach (TensorInfo tensor in tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.ByteLength))
        {
            if (tensor.Offset != next)
                throw Bad(path,
                    $"tensor '{tensor.Name}' starts at byte {tensor.Offset - dataStart} of the data, but the one before it ends at "
                    + $"{next - dataStart}: {(tensor.Offset < next ? "they overlap" : "there is a hole")}");
            next = tensor.Offset + tensor.ByteLength;
        }
        if (next != fileLength)
            throw Bad(path, $"the tensors end at byte {next}, but the file has {fileLength} bytes");
    }

    // Names and values in the message come from the file, and may be as long as the file.
    public static InvalidDataException Bad(string path, string what) => new($"{path}: {ForeignText.Shorten(what, 400)}.");
}
