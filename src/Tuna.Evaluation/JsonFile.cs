using System.Text.Json;
using Tuna.Data;
using Tuna.IO;

namespace Tuna.Evaluation;

/// <summary>Reads single JSON documents strictly: every failure names the file, the key and the id.</summary>
internal static class JsonFile
{
    public static JsonDocument Parse(string path)
    {
        if (!File.Exists(path))
            throw new DataFormatException("there is no such file.", DataPlace.Whole(path));
        SpecialFile.Refuse(path);
        try
        {
            return JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException e)
        {
            throw new DataFormatException(
                $"not valid JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine}). Correct the file or fetch it again.",
                DataPlace.Whole(path), innerException: e);
        }
    }

    public static JsonElement Member(JsonElement element, string key, JsonValueKind kind, DataPlace place, string? id = null)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new DataFormatException($"expected an object, found {element.ValueKind}.", place, key, id);
        if (!element.TryGetProperty(key, out JsonElement value))
            throw new DataFormatException("the key is missing.", place, key, id);
        return value.ValueKind == kind
            ? value : throw new DataFormatException($"expected {kind}, found {value.ValueKind}.", place, key, id);
    }

    public static int Int32(JsonElement number, string key, DataPlace place, string? id = null) =>
        number.TryGetInt32(out int value) ? value : throw new DataFormatException("expected a whole number.", place, key, id);
}
