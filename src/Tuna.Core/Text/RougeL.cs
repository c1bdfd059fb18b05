using System.Buffers;

namespace Tuna.Text;

/// <summary>Sentence-level ROUGE-L (C.-Y. Lin, 2004) as Google's <c>rouge_score</c> computes it: the longest common subsequence of words,
/// with or without stemming.</summary>
/// <remarks>
/// Text is lowered, every run of characters outside [a-z0-9] separates words (so letters with accents and other scripts do too), and with
/// stemming each word longer than three characters becomes its <see cref="PorterStemmer"/> stem. Newlines are separators like any other
/// (rougeL, not rougeLsum). Immutable and thread-safe.
/// </remarks>
public sealed class RougeL
{
    private readonly bool _stem;

    private RougeL(bool stem) => _stem = stem;

    /// <summary>Words as they are: what Self-Instruct's filter compares.</summary>
    public static RougeL Plain { get; } = new(false);

    /// <summary>Words stemmed: what Super-NaturalInstructions and most summarization papers report, and what the diversity constraint of
    /// the paper's released code compares.</summary>
    public static RougeL Stemmed { get; } = new(true);

    /// <summary>Splits a text into words once, for several comparisons.</summary>
    public RougeTokens Tokenize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        char[] word = ArrayPool<char>.Shared.Rent(text.Length + 1);
        ulong[] keys = ArrayPool<ulong>.Shared.Rent((text.Length / 2) + 1);
        int count = 0;
        int length = 0;
        foreach (char c in text)
        {
            char lower = Lower(c);
            if (lower != '\0')
                word[length++] = lower;
            if ((lower == '\0' || c == '\u0130') && length > 0)
            {
                keys[count++] = Key(word.AsSpan(0, length));
                length = 0;
            }
        }

        if (length > 0)
            keys[count++] = Key(word.AsSpan(0, length));
        var tokens = new RougeTokens(keys.AsSpan(0, count).ToArray());
        ArrayPool<char>.Shared.Return(word);
        ArrayPool<ulong>.Shared.Return(keys);
        return tokens;
    }

    /// <summary>Scores a prediction against a target.</summary>
    public RougeScore Score(string target, string prediction) => Score(Tokenize(target), Tokenize(prediction));

    /// <summary>Scores a prediction against a target, both already split by this object.</summary>
    public static RougeScore Score(RougeTokens target, RougeTokens prediction)
    {
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(prediction);
        if (target.Count == 0 || prediction.Count == 0)
            return default;
        using var matcher = new LcsMatcher();
        bool targetIsShorter = target.Count <= prediction.Count;
        matcher.SetPattern(targetIsShorter ? target.Keys : prediction.Keys);
        return RougeScore.FromLcs(matcher.Length(targetIsShorter ? prediction.Keys : target.Keys), target.Count, prediction.Count);
    }

    /// <summary>F of one text with each of several; the one is prepared once.</summary>
    /// <param name="text">The text to compare.</param>
    /// <param name="others">The texts to compare it with.</param>
    /// <param name="f">Receives one F per entry of <paramref name="others"/>.</param>
    /// <exception cref="ArgumentException"><paramref name="f"/> is too short.</exception>
    public static void FMeasures(RougeTokens text, IReadOnlyList<RougeTokens> others, Span<double> f)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(others);
        if (f.Length < others.Count)
            throw new ArgumentException($"{others.Count} texts but room for {f.Length} values.", nameof(f));
        using var matcher = new LcsMatcher();
        matcher.SetPattern(text.Keys);
        for (int i = 0; i < others.Count; i++)
            f[i] = RougeScore.FromLcs(matcher.Length(others[i].Keys), others[i].Count, text.Count).F;
    }

    /// <summary>Whether F stays below a threshold: the same answer as <c>Score(a, b).F &lt; tau</c>, often without the table.</summary>
    /// <remarks>LCS is at most the shorter length, and at most the number of words shared regardless of order; both bounds are tried
    /// first.</remarks>
    public static bool IsBelow(RougeTokens a, RougeTokens b, double tau)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (RougeScore.FromLcs(Math.Min(a.Count, b.Count), a.Count, b.Count).F < tau)
            return true;
        using var matcher = new LcsMatcher();
        matcher.SetPattern(a.Keys);
        return RougeScore.FromLcs(matcher.CommonTokens(b.Keys), a.Count, b.Count).F < tau
            || RougeScore.FromLcs(matcher.Length(b.Keys), a.Count, b.Count).F < tau;
    }

    // Lower case by Unicode, kept only where the result is in [a-z0-9]; '\0' separates. Besides A-Z two characters get there: the Kelvin
    // sign, and the dotted capital I, which lowers to an i and a combining dot (that dot separates; Tokenize ends the word).
    private static char Lower(char c) => c switch
    {
        >= 'a' and <= 'z' or >= '0' and <= '9' => c,
        >= 'A' and <= 'Z' => (char)(c | 0x20),
        '\u212A' => 'k',
        '\u0130' => 'i',
        _ => '\0',
    };

    private ulong Key(Span<char> word) => RougeTokens.Key(_stem && word.Length > 3 ? word[..PorterStemmer.Stem(word)] : word);
}
