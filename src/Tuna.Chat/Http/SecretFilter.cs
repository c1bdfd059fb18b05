using System.Globalization;
using System.Text;

namespace Tuna.Chat.Http;

/// <summary>Takes a client's secrets out of what a service sends back, in the forms in which services repeat them.</summary>
internal sealed class SecretFilter
{
    /// <summary>What stands where a secret stood.</summary>
    public const string Mark = "[key removed]";

    // A shorter "key" (servers of one's own take any) would be found in ordinary words.
    private const int ShortestSecret = 6;

    private readonly string[] _forms;

    /// <param name="secrets">The key, and whatever else of the address is secret; nulls are left out.</param>
    public SecretFilter(params IEnumerable<string?> secrets) =>
        _forms = [.. secrets.Where(s => s?.Length >= ShortestSecret).SelectMany(s => Forms(s!)).Distinct(StringComparer.Ordinal)
            .OrderByDescending(s => s.Length)];

    /// <summary>The text without the secrets.</summary>
    public string Clean(string text)
    {
        foreach (string form in _forms)
            text = text.Replace(form, Mark, StringComparison.OrdinalIgnoreCase);
        return text;
    }

    /// <summary>An answer's body without the secrets, even where JSON's escapes hide them.</summary>
    public string CleanBody(string body) =>
        _forms.Length == 0 ? body : Clean(body.Contains("\\u00", StringComparison.Ordinal) ? WithoutNeedlessEscapes(body) : body);

    // \u0073 becomes s: what needs no escape has none, and the JSON means the same.
    private static string WithoutNeedlessEscapes(string body)
    {
        var text = new StringBuilder(body.Length);
        for (int i = 0; i < body.Length; i++)
        {
            if (body[i] != '\\' || i + 1 == body.Length)
            {
                text.Append(body[i]);
                continue;
            }

            if (body[i + 1] == 'u' && i + 5 < body.Length
                && ushort.TryParse(body.AsSpan(i + 2, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort code)
                && (char)code is >= ' ' and <= '~' and not ('"' or '\\'))
            {
                text.Append((char)code);
                i += 5;
                continue;
            }

            text.Append(body, i, 2); // an escape of two characters, or the begin of one that is needed
            i++;
        }

        return text.ToString();
    }

    private static IEnumerable<string> Forms(string secret)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(secret);
        yield return secret;
        yield return Uri.EscapeDataString(secret);
        yield return secret.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)
            .Replace("/", "\\/", StringComparison.Ordinal);
        yield return Convert.ToHexString(bytes);
        // Base64 alone and behind "Bearer ", as a header that is dumped encoded; its last digits depend on what follows, so they are left
        // to the reader.
        yield return Convert.ToBase64String(bytes).TrimEnd('=');
        yield return Convert.ToBase64String(Encoding.UTF8.GetBytes("Bearer " + secret)).TrimEnd('=');
    }
}
