using System.Text.RegularExpressions;

namespace Tuna.Tokenizers.PreTokenizers;

/// <summary>
/// A pattern of tokenizer.json: a text to be found as it is, or a regular expression in Oniguruma's syntax over code points.
/// </summary>
/// <remarks>
/// .NET matches UTF-16 units and takes each half of a character above U+FFFF for a symbol, so an emoji or a letter up there would be cut
/// differently. Such texts are matched on a shadow in which one unit of the same category stands for each of these characters.
/// </remarks>
internal sealed class TextPattern
{
    /// <summary>How long one match may take. The patterns of published tokenizers take microseconds.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly Regex? _regex;
    private readonly ShadowText? _shadow;
    private readonly string _where;

    private TextPattern(string? literal, Regex? regex, ShadowText? shadow, string where)
    {
        Literal = literal;
        _regex = regex;
        _shadow = shadow;
        _where = where;
    }

    /// <summary>The text that is found as it is, when there is no expression.</summary>
    public string? Literal { get; }

    public static TextPattern OfLiteral(string text) => new(text, null, null, "");

    /// <summary>Compiles an expression.</summary>
    /// <param name="pattern">The expression, as tokenizer.json holds it.</param>
    /// <param name="where">File and place, for messages.</param>
    /// <exception cref="NotSupportedException">It uses what is not supported here, or could take exponential time.</exception>
    /// <exception cref="InvalidDataException">It is no expression.</exception>
    public static TextPattern OfRegex(string pattern, string where)
    {
        OnigPattern translated = OnigPattern.Translate(pattern, where);
        var regex = new Regex(translated.Text, RegexOptions.CultureInvariant | RegexOptions.Compiled, Patience);
        return new TextPattern(null, regex, new ShadowText(translated.Ranges, where), where);
    }

    /// <summary>Adds the places of all matches, in order.</summary>
    /// <exception cref="InvalidDataException">A match takes too long: the pattern does not fit its purpose.</exception>
    public void Find(ReadOnlySpan<char> text, List<(int Start, int End)> matches)
    {
        if (Literal is not null)
        {
            if (Literal.Length == 0)
                return;
            int from = 0;
            for (int at; (at = text[from..].IndexOf(Literal)) >= 0; from += at + Literal.Length)
                matches.Add((from + at, from + at + Literal.Length));
            return;
        }

        try
        {
            if (!ShadowText.Needs(text))
            {
                foreach (ValueMatch match in _regex!.EnumerateMatches(text))
                    matches.Add((match.Index, match.Index + match.Length));
                return;
            }

            string shadow = _shadow!.Of(text, out int[] places);
            foreach (ValueMatch match in _regex!.EnumerateMatches(shadow))
                matches.Add((places[match.Index], places[match.Index + match.Length]));
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new InvalidDataException($"{_where}: the pattern needs more than {Patience.TotalSeconds:0} s for a text of {text.Length} characters; it backtracks without end and cannot be used.", e);
        }
    }
}
