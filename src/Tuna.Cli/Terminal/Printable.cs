using System.Globalization;
using System.Text;

namespace Tuna.Cli.Terminal;

/// <summary>Foreign text made harmless to a terminal: data, replies and names of files may hold escape sequences.</summary>
internal static class Printable
{
    /// <summary>The text with each control character but tabs and line ends, and each mark that turns the direction of writing, as
    /// <c>\u001b</c>.</summary>
    public static string Text(string text)
    {
        if (!text.Any(IsUnsafe))
            return text;
        var safe = new StringBuilder(text.Length + 16);
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (!IsUnsafe(c) || (c == '\r' && i + 1 < text.Length && text[i + 1] == '\n'))
                safe.Append(c);
            else
                safe.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        }

        return safe.ToString();
    }

    private static bool IsUnsafe(char c) =>
        (char.IsControl(c) && c is not ('\n' or '\t')) || c is (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');
}
