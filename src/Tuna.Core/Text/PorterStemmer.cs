namespace Tuna.Text;

/// <summary>Porter's stemmer (M. F. Porter, "An algorithm for suffix stripping", 1980) with the changes NLTK makes in its default mode,
/// NLTK_EXTENSIONS.</summary>
/// <remarks>ROUGE's reference implementations stem with NLTK, so its exceptions and reorderings are followed, not the published paper's.
/// Words are lower case.</remarks>
internal static class PorterStemmer
{
    // NLTK's pool of irregular forms.
    private static readonly Dictionary<string, string> Irregular = new(StringComparer.Ordinal)
    {
        ["sky"] = "sky", ["skies"] = "sky", ["dying"] = "die", ["lying"] = "lie", ["tying"] = "tie", ["news"] = "news",
        ["innings"] = "inning", ["inning"] = "inning", ["outings"] = "outing", ["outing"] = "outing",
        ["cannings"] = "canning", ["canning"] = "canning", ["howe"] = "howe",
        ["proceed"] = "proceed", ["exceed"] = "exceed", ["succeed"] = "succeed",
    };

    private static readonly Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> IrregularBySpan =
        Irregular.GetAlternateLookup<ReadOnlySpan<char>>();

    // The first suffix that matches decides, whether or not its condition holds: the order is part of the algorithm.
    private static readonly (string Suffix, string Replacement)[] Step2Rules =
    [
        ("ational", "ate"), ("tional", "tion"), ("enci", "ence"), ("anci", "ance"), ("izer", "ize"), ("bli", "ble"), ("alli", "al"),
        ("entli", "ent"), ("eli", "e"), ("ousli", "ous"), ("ization", "ize"), ("ation", "ate"), ("ator", "ate"), ("alism", "al"),
        ("iveness", "ive"), ("fulness", "ful"), ("ousness", "ous"), ("aliti", "al"), ("iviti", "ive"), ("biliti", "ble"), ("fulli", "ful"),
    ];

    private static readonly (string Suffix, string Replacement)[] Step3Rules =
        [("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

    private static readonly string[] Step4Suffixes =
        ["al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous", "ive",
            "ize"];

    /// <summary>The stem of a lower-case word.</summary>
    public static string Stem(string word)
    {
        ArgumentNullException.ThrowIfNull(word);
        Span<char> buffer = word.Length <= 128 ? stackalloc char[word.Length] : new char[word.Length];
        word.CopyTo(buffer);
        ReadOnlySpan<char> stem = buffer[..Stem(buffer)];
        return stem.SequenceEqual(word) ? word : new string(stem);
    }

    /// <summary>Stems in place.</summary>
    /// <param name="buffer">The lower-case word.</param>
    /// <returns>Length of the stem, which starts the buffer; never more than the word's.</returns>
    public static int Stem(Span<char> buffer)
    {
        if (IrregularBySpan.TryGetValue(buffer, out string? irregular))
        {
            irregular.CopyTo(buffer);
            return irregular.Length;
        }

        if (buffer.Length <= 2)
            return buffer.Length;
        var word = new Word(buffer);
        Step1A(ref word);
        Step1B(ref word);
        Step1C(ref word);
        Step2(ref word);
        Step3(ref word);
        Step4(ref word);
        Step5A(ref word);
        Step5B(ref word);
        return word.Length;
    }

    private static void Step1A(ref Word w)
    {
        if (w.Length == 4 && w.EndsWith("ies"))
            w.Length = 3;
        else if (w.EndsWith("sses") || w.EndsWith("ies"))
            w.Length -= 2;
        else if (!w.EndsWith("ss") && w.EndsWith("s"))
            w.Length--;
    }

    private static void Step1B(ref Word w)
    {
        if (w.EndsWith("ied"))
        {
            w.Length -= w.Length == 4 ? 1 : 2;
            return;
        }

        if (w.EndsWith("eed"))
        {
            if (w.Measure(w.Length - 3) > 0)
                w.Length--;
            return;
        }

        int suffix = w.EndsWith("ed") ? 2 : w.EndsWith("ing") ? 3 : 0;
        if (suffix == 0 || !w.ContainsVowel(w.Length - suffix))
            return;
        w.Length -= suffix;
        if (w.EndsWith("at") || w.EndsWith("bl") || w.EndsWith("iz"))
        {
            w.Append('e');
        }
        else if (w.EndsWithDoubleConsonant())
        {
            if (w.Last is not ('l' or 's' or 'z'))
                w.Length--;
        }
        else if (w.Measure(w.Length) == 1 && w.EndsWithCvc(w.Length))
        {
            w.Append('e');
        }
    }

    private static void Step1C(ref Word w)
    {
        if (w.Length > 2 && w.Last == 'y' && w.IsConsonant(w.Length - 2))
            w.Last = 'i';
    }

    private static void Step2(ref Word w)
    {
        // NLTK applies "alli" first and then starts the step again.
        if (w.EndsWith("alli") && w.Measure(w.Length - 4) > 0)
            w.Length -= 2;
        foreach ((string suffix, string replacement) in Step2Rules)
        {
            if (w.EndsWith(suffix))
            {
                if (w.Measure(w.Length - suffix.Length) > 0)
                    w.Replace(suffix.Length, replacement);
                return;
            }
        }

        // The l counts with the stem, so that "geo" behaves as "philo" does.
        if (w.EndsWith("logi") && w.Measure(w.Length - 3) > 0)
            w.Length--;
    }

    private static void Step3(ref Word w)
    {
        foreach ((string suffix, string replacement) in Step3Rules)
        {
            if (w.EndsWith(suffix))
            {
                if (w.Measure(w.Length - suffix.Length) > 0)
                    w.Replace(suffix.Length, replacement);
                return;
            }
        }
    }

    private static void Step4(ref Word w)
    {
        foreach (string suffix in Step4Suffixes)
        {
            if (w.EndsWith(suffix))
            {
                int stem = w.Length - suffix.Length;
                if (w.Measure(stem) > 1 && (suffix != "ion" || w[stem - 1] is 's' or 't'))
                    w.Length = stem;
                return;
            }
        }
    }

    private static void Step5A(ref Word w)
    {
        if (w.Last != 'e')
            return;
        int measure = w.Measure(w.Length - 1);
        if (measure > 1 || (measure == 1 && !w.EndsWithCvc(w.Length - 1)))
            w.Length--;
    }

    private static void Step5B(ref Word w)
    {
        if (w.EndsWith("ll") && w.Measure(w.Length - 1) > 1)
            w.Length--;
    }

    /// <summary>A word in a buffer, with the predicates of the paper; <c>stem</c> is a prefix length.</summary>
    private ref struct Word(Span<char> buffer)
    {
        private readonly Span<char> _buffer = buffer;

        public int Length = buffer.Length;

        public readonly char this[int i] => _buffer[i];

        public readonly char Last
        {
            get => Length > 0 ? _buffer[Length - 1] : '\0';
            set => _buffer[Length - 1] = value;
        }

        public void Append(char c) => _buffer[Length++] = c;

        public void Replace(int suffix, string replacement)
        {
            Length -= suffix;
            replacement.CopyTo(_buffer[Length..]);
            Length += replacement.Length;
        }

        public readonly bool EndsWith(string suffix) => _buffer[..Length].EndsWith(suffix);

        // A y is a consonant at the start and after a vowel.
        public readonly bool IsConsonant(int i)
        {
            bool flip = false;
            while (i > 0 && _buffer[i] == 'y')
            {
                flip = !flip;
                i--;
            }

            bool consonant = _buffer[i] is not ('a' or 'e' or 'i' or 'o' or 'u');
            return consonant ^ flip;
        }

        // m: how often a vowel is followed by a consonant.
        public readonly int Measure(int stem)
        {
            int measure = 0;
            bool afterVowel = false;
            bool consonant = false;
            for (int i = 0; i < stem; i++)
            {
                char c = _buffer[i];
                consonant = c == 'y' ? i == 0 || !consonant : c is not ('a' or 'e' or 'i' or 'o' or 'u');
                if (consonant && afterVowel)
                    measure++;
                afterVowel = !consonant;
            }

            return measure;
        }

        public readonly bool ContainsVowel(int stem)
        {
            for (int i = 0; i < stem; i++)
            {
                if (!IsConsonant(i))
                    return true;
            }

            return false;
        }

        public readonly bool EndsWithDoubleConsonant() =>
            Length >= 2 && _buffer[Length - 1] == _buffer[Length - 2] && IsConsonant(Length - 1);

        // *o, and NLTK's addition: a two-letter stem of a vowel and a consonant.
        public readonly bool EndsWithCvc(int stem) => stem >= 3
            ? IsConsonant(stem - 3) && !IsConsonant(stem - 2) && IsConsonant(stem - 1) && _buffer[stem - 1] is not ('w' or 'x' or 'y')
            : stem == 2 && !IsConsonant(0) && IsConsonant(1);
    }
}
