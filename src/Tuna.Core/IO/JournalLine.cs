using System.Text;
using System.Text.Json;

namespace Tuna.IO;

/// <summary>A line of a journal.</summary>
/// <param name="Number">1-based line number.</param>
/// <param name="Json">Its UTF-8 bytes without the newline; good until the next line is taken.</param>
internal readonly record struct JournalLine(long Number, ReadOnlyMemory<byte> Json)
{
    /// <inheritdoc/>
    public override string ToString() => Encoding.UTF8.GetString(Json.Span);

    /// <summary>Whether a line is one whole value. Only an object or array surely is: a torn number is still a number.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            if (!reader.Read() || reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
                return false;
            reader.Skip();
            return !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

/// <summary>What an append to a journal survives.</summary>
public enum JournalDurability
{
    /// <summary>The end of the process at any moment: the line is with the operating system.</summary>
    Process,

    /// <summary>The loss of power too: the line is on the disk. Costs a disk flush each.</summary>
    Disk,
}
