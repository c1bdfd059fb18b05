using System.Text;
using Tuna.Numerics;
using Tuna.Text;

namespace Tuna.Data;

/// <summary>When two texts are taken for one.</summary>
public enum DuplicateMatch
{
    /// <summary>Character by character.</summary>
    Exact,

    /// <summary>Apart from case, punctuation and the amount of white space.</summary>
    Normalized,

    /// <summary>ROUGE-L F at or above a threshold, or equal after normalization.</summary>
    Near,
}

/// <summary>Finds texts that have been seen before. A mutable class, used by one thread.</summary>
/// <remarks>
/// Exact and normalized matches keep a 128-bit hash per text. Near matches keep the words of each text and an index of its longest words:
/// two texts with F >= tau share so many words that one of the rarest few must be common to both (prefix filtering, as in set-similarity
/// joins), so that only few texts are compared.
/// </remarks>
public sealed class TextDuplicates
{
    private readonly DuplicateMatch _match;
    private readonly double _threshold;
    private readonly Dictionary<UInt128, int> _seen = [];
    private readonly List<(RougeTokens Words, int Text)> _texts = [];
    private readonly Dictionary<ulong, List<int>> _index = [];
    private int _count;

    /// <summary>Creates an empty set.</summary>
    /// <param name="match">When two texts are taken for one.</param>
    /// <param name="threshold">Least ROUGE-L F of near duplicates, (0, 1]. Default 0.7, as in Self-Instruct.</param>
    public TextDuplicates(DuplicateMatch match, double threshold = 0.7)
    {
        if (!(threshold > 0 && threshold <= 1))
            throw new ArgumentOutOfRangeException(nameof(threshold), threshold, "A threshold is in (0, 1].");
        _match = match;
        _threshold = threshold;
    }

    /// <summary>Looks a text up and, when it is new, remembers it.</summary>
    /// <returns>-1 when it is new; otherwise which text it repeats, counted by the calls so far from 0.</returns>
    public int FindOrAdd(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int current = _count++;
        UInt128 hash = StableHash.Of128(_match == DuplicateMatch.Exact ? text : Normalize(text));
        if (_seen.TryGetValue(hash, out int earlier))
            return earlier;
        if (_match == DuplicateMatch.Near)
        {
            RougeTokens words = RougeL.Plain.Tokenize(text);
            ulong[] prefix = Prefix(words);
            earlier = FindNear(words, prefix);
            if (earlier >= 0)
                return earlier;
            foreach (ulong key in prefix)
            {
                if (!_index.TryGetValue(key, out List<int>? texts))
                    _index[key] = texts = [];
                texts.Add(_texts.Count);
            }

            _texts.Add((words, current));
        }

        _seen.Add(hash, current);
        return -1;
    }

    /// <summary>A text in lower case, without punctuation (Unicode's too) and with single spaces. Never empty unless the text is: one of
    /// punctuation alone stays as it is.</summary>
    public static string Normalize(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var normal = new StringBuilder(text.Length);
        bool space = false;
        foreach (char c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                space = normal.Length > 0;
            }
            else if (!char.IsPunctuation(c))
            {
                if (space)
                    normal.Append(' ');
                space = false;
                normal.Append(char.ToLowerInvariant(c));
            }
        }

        return normal.Length == 0 ? text.Trim() : normal.ToString();
    }

    /// <summary>Pairs of texts that were compared so far.</summary>
    internal long Comparisons { get; private set; }

    private int FindNear(RougeTokens words, ulong[] prefix)
    {
        var tried = new HashSet<int>();
        int found = int.MaxValue;
        foreach (ulong key in prefix)
        {
            if (!_index.TryGetValue(key, out List<int>? texts))
                continue;
            foreach (int t in texts)
            {
                if (t >= found || !tried.Add(t))
                    continue;
                Comparisons++;
                if (!RougeL.IsBelow(_texts[t].Words, words, _threshold))
                    found = t;
            }
        }

        return found == int.MaxValue ? -1 : _texts[found].Text;
    }

    // F >= tau asks for at least tau m / (2 - tau) shared words of a text of m. If two texts share that many, then among the words in any
    // fixed order the first m - that + 1 of each hold a common one. The order is by key, largest first: keys grow with length, and long
    // words are rare. The n-th occurrence of a word is a word of its own.
    private ulong[] Prefix(RougeTokens words)
    {
        ulong[] sorted = words.Keys.ToArray();
        Array.Sort(sorted, (a, b) => b.CompareTo(a));
        int shared = (int)Math.Ceiling((_threshold * sorted.Length / (2 - _threshold)) - 1e-9);
        var prefix = new ulong[sorted.Length == 0 ? 0 : sorted.Length - Math.Max(1, shared) + 1];
        ulong occurrence = 0;
        for (int i = 0; i < prefix.Length; i++)
        {
            occurrence = i > 0 && sorted[i] == sorted[i - 1] ? occurrence + 1 : 0;
            prefix[i] = sorted[i] + (occurrence * 0x9E3779B97F4A7C15UL); // a collision only costs a comparison
        }

        return prefix;
    }
}
