using System.Text;
using Tuna.Tokenizers.PreTokenizers;

namespace Tuna.Tokenizers.Normalizers;

/// <summary>Replaces every match of a pattern by a text.</summary>
internal sealed class ReplaceNormalizer(TextPattern pattern, string content) : INormalizer
{
    public string Normalize(string text, ref bool startsText)
    {
        if (pattern.Literal is { } literal)
        {
            if (content.Length == 0 && text.StartsWith(literal, StringComparison.Ordinal))
                startsText = false;
            return text.Replace(literal, content, StringComparison.Ordinal);
        }

        var matches = new List<(int Start, int End)>();
        pattern.Find(text, matches);
        if (matches.Count == 0)
            return text;
        if (content.Length == 0 && matches[0] is { Start: 0, End: > 0 })
            startsText = false;
        var result = new StringBuilder(text.Length);
        int from = 0;
        foreach ((int start, int end) in matches)
        {
            result.Append(text, from, start - from).Append(content);
            from = end;
        }

        return result.Append(text, from, text.Length - from).ToString();
    }
}
