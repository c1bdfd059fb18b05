using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Tuna.Evaluation.PythonSemantics;

/// <summary>A pattern of Python's re module, matched by .NET's engine.</summary>
/// <remarks>
/// Both engines backtrack alike; they differ in what a character is and in which characters are words. So the text is made neutral first:
/// each code point becomes one UTF-16 unit of the class that Python sees, in which both engines then agree. Patterns are ASCII but for
/// words put into them, which are made neutral in the same way. A text is a model's, and may send a backtracking engine astray: what is
/// long, or takes long, goes to the engine whose time grows with the text alone, which finds the same, and is slower to begin.
/// </remarks>
internal sealed class PythonRegex
{
    private const char SomeLetter = '\u4E00'; // has no case, is no digit
    private const char SomeDigit = '\u0660';
    private const char SomeSymbol = '\u00A7';

    /// <summary>Longest text that the backtracking engine tries.</summary>
    private const int ShortText = 400;

    /// <summary>How long it may try.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(50);

    /// <summary>How long a pattern may take that only the backtracking engine knows: lookarounds and references, which no scorer has, but a
    /// word of the data may.</summary>
    private static readonly TimeSpan s_lastPatience = TimeSpan.FromSeconds(5);

    private readonly Regex _quick;
    private readonly Lazy<Regex> _linear;
    private readonly bool _ignoreCase;

    private PythonRegex(string pattern, bool ignoreCase)
    {
        _ignoreCase = ignoreCase;
        pattern = Neutral(pattern);
        if (ignoreCase)
            pattern = LowerLiterals(pattern);
        _quick = new Regex(pattern, RegexOptions.CultureInvariant, s_patience);
        _linear = new(() => Linear(pattern));
    }

    /// <summary><c>re.search</c>.</summary>
    public static PythonRegex Search(string pattern) => new(pattern, ignoreCase: false);

    /// <summary><c>re.match</c>; the pattern says itself where it ends.</summary>
    public static PythonRegex Match(string pattern, bool ignoreCase = false) => new($@"\A(?:{pattern})", ignoreCase);

    /// <summary>Whether a text that <see cref="PythonText.Lower"/> returned matches.</summary>
    /// <exception cref="RegexMatchTimeoutException">The pattern has what only a backtracking engine can match, and takes too
    /// long.</exception>
    public bool IsMatch(NeutralText text)
    {
        string value = _ignoreCase ? text.Folded : text.Value;
        return Try(value, (regex, candidate) => regex.IsMatch(candidate));
    }

    /// <summary>The text of a named group, or null when the pattern does not match.</summary>
    /// <exception cref="RegexMatchTimeoutException">As for <see cref="IsMatch"/>.</exception>
    public string? Group(NeutralText text, string name) =>
        Try(text.Value, (regex, value) => regex.Match(value)) is { Success: true } match ? match.Groups[name].Value : null;

    /// <summary>What the engine of linear time alone says; for tests, which compare the two.</summary>
    internal bool IsMatchLinearly(NeutralText text) => _linear.Value.IsMatch(_ignoreCase ? text.Folded : text.Value);

    private T Try<T>(string text, Func<Regex, string, T> match)
    {
        if (text.Length <= ShortText)
        {
            try
            {
                return match(_quick, text);
            }
            catch (RegexMatchTimeoutException)
            {
                // The other engine answers the same question.
            }
        }
        return match(_linear.Value, text);
    }

    private static Regex Linear(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, s_lastPatience);
        }
        catch (NotSupportedException)
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, s_lastPatience);
        }
    }

    /// <summary>A text in which .NET's classes are Python's.</summary>
    public static string Neutral(string text)
    {
        if (Ascii.IsValid(text) && !text.AsSpan().ContainsAnyInRange('\u001C', '\u001F'))
            return text;

        var result = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            result.Append(Neutral(rune));
        return result.ToString();
    }

    private static char Neutral(Rune rune)
    {
        if (rune.IsAscii)
            return rune.Value is >= 0x1C and <= 0x1F ? '\t' : (char)rune.Value; // white space to Python alone

        UnicodeCategory category = Rune.GetUnicodeCategory(rune);
        bool inBoth = category is not (UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber);
        if (PythonText.IsWord(category))
            return inBoth && rune.IsBmp ? (char)rune.Value : category == UnicodeCategory.DecimalDigitNumber ? SomeDigit : SomeLetter;

        // Marks, connectors and joiners are word characters or word boundaries to .NET alone.
        bool wordToDotNet = category is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark
            or UnicodeCategory.EnclosingMark
            or UnicodeCategory.ConnectorPunctuation or UnicodeCategory.Format;
        return wordToDotNet || !rune.IsBmp ? SomeSymbol : (char)rune.Value;
    }

    // IGNORECASE on lower-case text: literals become lower case (escapes such as \W must not), and the text's long s and dotless i,
    // which Python pairs with s and i, are folded into these.
    private static string LowerLiterals(string pattern)
    {
        var result = new StringBuilder(pattern.Length);
        for (int i = 0; i < pattern.Length; i++)
        {
            char c = pattern[i];
            bool escaped = i > 0 && pattern[i - 1] == '\\';
            result.Append(escaped ? c : c switch
            {
                '\u017F' => 's',
                '\u0131' => 'i',
                _ => char.ToLowerInvariant(c),
            });
        }

        return result.ToString();
    }
}

/// <summary>A text made neutral for <see cref="PythonRegex"/>.</summary>
/// <param name="text">Any text; lower-case where the pattern ignores case.</param>
internal readonly struct NeutralText(string text)
{
    /// <summary>The text with one UTF-16 unit per code point.</summary>
    public string Value { get; } = PythonRegex.Neutral(text);

    /// <summary>The same with the letters folded that IGNORECASE pairs with s and i.</summary>
    public string Folded => Value.Replace('\u017F', 's').Replace('\u0131', 'i');
}
