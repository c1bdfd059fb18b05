using System.Text.RegularExpressions;

namespace Tuna.Cli.Files;

/// <summary>Many messages as few lines: how many of each kind, with one example each.</summary>
internal static partial class IssueSummary
{
    private const int Kinds = 5;
    private const int ExampleLength = 200;
    private const int KindLength = 400;

    /// <summary>Lines such as "  81 x: Row 'r7': the prompt has 900 tokens ..."; the commonest kind first.</summary>
    public static string Text(IEnumerable<string> messages)
    {
        var kinds = messages.GroupBy(Kind, StringComparer.Ordinal).Select(g => (Count: g.Count(), Example: g.First()))
            .OrderByDescending(k => k.Count).ToList();
        IEnumerable<string> lines = kinds.Take(Kinds).Select(k => $"  {k.Count} x: {Short(k.Example)}");
        if (kinds.Count > Kinds)
            lines = lines.Append($"  {kinds.Skip(Kinds).Sum(k => k.Count)} of {kinds.Count - Kinds} other kinds");
        return string.Join(Environment.NewLine, lines);
    }

    /// <summary>A message cut to a line that a terminal shows.</summary>
    public static string Short(string message)
    {
        string line = message.ReplaceLineEndings(" ");
        if (line.Length <= ExampleLength)
            return line;
        int end = char.IsHighSurrogate(line[ExampleLength - 1]) ? ExampleLength - 1 : ExampleLength;
        return line[..end] + " ...";
    }

    // Messages of one kind differ in ids and numbers only, and in the text of others at their end; the words before that tell the kind.
    // A message's beginning is enough: the pattern's time grows with the square of a text's length, and texts come from others' files.
    private static string Kind(string message) => Variable().Replace(message.Length <= KindLength ? message : message[..KindLength], "_");

    [GeneratedRegex(
        """'[^']*'|"[^"]*"|\([^)]*\)|\[[^\]]*\]|[^\s:]+\.(jsonl?|csv|parquet)"""
        + """|(?<![A-Za-z])[-+]?[0-9][0-9.,]*|(?<=: (?:\S+ ){12}).{40,}$""")]
    private static partial Regex Variable();
}
