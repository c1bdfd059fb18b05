using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Tuna.Chat.Http;

/// <summary>Reads members of foreign JSON that may be missing, null or of another type than the protocol says; never throws for a
/// value.</summary>
internal static class LenientJson
{
    private static readonly JsonDocumentOptions Options =
        new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    /// <summary>Parses what servers write that is nearly JSON: NaN and Infinity, as Python's writer does, become null, and line breaks and
    /// other control characters in strings stay what they are.</summary>
    /// <exception cref="JsonException">It is no JSON even so.</exception>
    public static JsonDocument Parse(string text)
    {
        try
        {
            return JsonDocument.Parse(text, Options);
        }
        catch (JsonException)
        {
            return JsonDocument.Parse(Repaired(text), Options);
        }
    }

    /// <summary>A member of an object; an undefined element when there is none, or it is null.</summary>
    public static JsonElement Member(this JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value)
            && value.ValueKind != JsonValueKind.Null ? value : default;

    /// <summary>A member's elements; none when it is no array.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement element) =>
        element.ValueKind == JsonValueKind.Array ? element.EnumerateArray() : Enumerable.Empty<JsonElement>();

    /// <summary>The first of several members that is a string.</summary>
    public static string? Text(this JsonElement element, params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            if (element.Member(name) is { ValueKind: JsonValueKind.String } value)
                return value.AsText();
        }

        return null;
    }

    /// <summary>A string's text; half a surrogate pair becomes U+FFFD, as in any decoder that does not throw.</summary>
    public static string AsText(this JsonElement value)
    {
        try
        {
            return value.GetString() ?? "";
        }
        catch (InvalidOperationException)
        {
            return Unescape(value.GetRawText().AsSpan()[1..^1]);
        }
    }

    /// <summary>The first of several members that is a whole number or can be read as one, within [0, 10^12].</summary>
    public static long? Count(this JsonElement element, params ReadOnlySpan<string> names)
    {
        const double Most = 1e12;
        foreach (string name in names)
        {
            if (element.Member(name).AsNumber() is >= 0 and <= Most and var count)
                return (long)count;
        }

        return null;
    }

    /// <summary>A finite number, or a string that holds one; null for everything else.</summary>
    public static double? AsNumber(this JsonElement value)
    {
        double? number = value.ValueKind switch
        {
            JsonValueKind.Number => value.TryGetDouble(out double n) ? n : null,
            JsonValueKind.String => double.TryParse(value.AsText(), NumberStyles.Float, CultureInfo.InvariantCulture, out double n)
                ? n : null,
            _ => null,
        };
        return number is { } x && double.IsFinite(x) ? x : null;
    }

    private static string Repaired(string text)
    {
        ReadOnlySpan<string> numbers = ["-Infinity", "Infinity", "NaN"];
        var repaired = new StringBuilder(text.Length + 16);
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            quoted ^= c == '"';
            if (quoted && c < ' ')
                repaired.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
            else if (quoted && c == '\\' && i + 1 < text.Length)
                repaired.Append(c).Append(text[++i]);
            else if (!quoted && c is 'N' or 'I' or '-' && Starting(numbers, text.AsSpan(i)) is { } number)
            {
                repaired.Append("null");
                i += number.Length - 1;
            }
            else
                repaired.Append(c);
        }

        return repaired.ToString();
    }

    private static string? Starting(ReadOnlySpan<string> words, ReadOnlySpan<char> text)
    {
        foreach (string word in words)
        {
            if (text.StartsWith(word, StringComparison.Ordinal))
                return word;
        }

        return null;
    }

    private static string Unescape(ReadOnlySpan<char> raw)
    {
        var text = new StringBuilder(raw.Length);
        for (int i = 0; i < raw.Length; i++)
        {
            if (raw[i] != '\\')
            {
                text.Append(raw[i]);
                continue;
            }

            i++;
            text.Append(raw[i] switch
            {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\b',
                'f' => '\f',
                'u' => (char)ushort.Parse(raw.Slice(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
                var c => c,
            });
            if (raw[i] == 'u')
                i += 4;
        }

        // Through UTF-8 and back: what is no text becomes U+FFFD.
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.ToString()));
    }
}
