using System.Text;
using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry;

/// <summary>A prediction as the scorers see it: stripped, lower-case, single spaces, and no underscores.</summary>
internal sealed class LMentryPrediction
{
    /// <param name="prediction">What the model wrote.</param>
    /// <param name="truncate">Keep only what precedes the first line break, then the first full stop (for models that do not stop).</param>
    public LMentryPrediction(string prediction, bool truncate)
    {
        // The underscore becomes a space after the spaces were squeezed, so two spaces in a row may stand again.
        string text = Patterns.Normalize(prediction).Replace('_', ' ');
        if (truncate)
        {
            text = text.Split('\n')[0];
            text = text.Split('.')[0];
        }

        Text = text;
        Neutral = new NeutralText(text);
        AlphanumericWords = Words(text, rune => rune.Value is >= 'a' and <= 'z'
            || Rune.GetUnicodeCategory(rune) == System.Globalization.UnicodeCategory.DecimalDigitNumber);
        LetterWords = Words(text, rune => rune.Value is >= 'a' and <= 'z');
    }

    public string Text { get; }

    public NeutralText Neutral { get; }

    /// <summary>What <c>\b[a-z\d]+\b</c> finds.</summary>
    public IReadOnlyList<string> AlphanumericWords { get; }

    /// <summary>What <c>\b[a-z]+\b</c> finds.</summary>
    public IReadOnlyList<string> LetterWords { get; }

    /// <summary>Whether there is any letter or digit of any script.</summary>
    public bool HasAlphanumeric => Text.EnumerateRunes().Any(rune => rune.Value != '_' && PythonText.IsWord(rune));

    /// <summary>Whether there is no <c>\W</c>.</summary>
    public bool IsOneWord => Text.EnumerateRunes().All(PythonText.IsWord);

    /// <summary>The text without what is neither a word character nor a space.</summary>
    public string WithoutPunctuation
    {
        get
        {
            var result = new StringBuilder(Text.Length);
            foreach (Rune rune in Text.EnumerateRunes().Where(rune => rune.Value == ' ' || PythonText.IsWord(rune)))
                result.Append(rune);
            return result.ToString();
        }
    }

    // Maximal runs of the wanted characters that no other word character touches.
    private static List<string> Words(string text, Func<Rune, bool> wanted)
    {
        var words = new List<string>();
        var run = new StringBuilder();
        bool pure = true;
        foreach (Rune rune in text.EnumerateRunes())
        {
            if (PythonText.IsWord(rune))
            {
                pure &= wanted(rune);
                run.Append(rune);
                continue;
            }

            Close();
        }

        Close();
        return words;

        void Close()
        {
            if (run.Length > 0 && pure)
                words.Add(run.ToString());
            run.Clear();
            pure = true;
        }
    }
}
