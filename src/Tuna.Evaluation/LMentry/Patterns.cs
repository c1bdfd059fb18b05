using System.Globalization;
using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry;

/// <summary>The pieces from which LMentry's patterns are made. Words from the metadata go into them unescaped, as in the official
/// scorers.</summary>
internal static class Patterns
{
    /// <summary>What may stand beside an answer.</summary>
    private const string Marks = @"[""'\.,]*";

    /// <summary>"Not a word character" in a form that survives the lower-casing of patterns, which turns <c>\W</c> into
    /// <c>\w</c>.</summary>
    public const string NonWord = "[^a-zA-Z0-9_]";

    /// <summary>A word, perhaps quoted or called "the word".</summary>
    public static string Word(string pattern) => $@"(The word )?{Marks}\b{pattern}\b{Marks}";

    /// <summary>A letter, perhaps quoted or called "the letter".</summary>
    public static string Letter(string pattern) => $@"(The letter )?{Marks}\b{pattern}\b{Marks}";

    /// <summary>A sentence, perhaps quoted, or "the sentence" in its place.</summary>
    public static string Sentence(string pattern) => $"((The sentence )?{Marks}{pattern}{Marks}|The sentence)";

    /// <summary>A number in digits or words.</summary>
    public static string Digits(long number)
    {
        string words = NumberWords.Of(number);
        return $@"(\b{number.ToString(CultureInfo.InvariantCulture)}\b|{words}|{words.Replace('-', ' ')})";
    }

    /// <summary>A number in digits or words, perhaps quoted or called "the number".</summary>
    public static string Number(long number) => $@"(The number )?{Marks}\b{Digits(number)}\b{Marks}";

    /// <summary>Words in order, with an optional "and" before the last one.</summary>
    public static string WordList(IReadOnlyList<string> words)
    {
        IEnumerable<string> items = words.Select((word, i) => $"{word}{NonWord}+{(i == words.Count - 2 ? $"(and{NonWord}+)?" : "")}");
        return $"(The words )?{NonWord}*{string.Concat(items)}{NonWord}*";
    }

    /// <summary>The ways to announce an answer that all tasks share.</summary>
    public static string[] Announcing(string answer) =>
        [$"{answer} is the answer", $"The answer is {answer}", $"The correct answer is {answer}", $"Answer: {answer}"];

    /// <summary>Exchanges two parts of each pattern.</summary>
    public static IEnumerable<string> Swap(IEnumerable<string> patterns, string one, string other)
    {
        const string First = "\uE000", Second = "\uE001";
        return patterns.Select(pattern => pattern
            .Replace(one, First, StringComparison.Ordinal)
            .Replace(other, Second, StringComparison.Ordinal)
            .Replace(First, other, StringComparison.Ordinal)
            .Replace(Second, one, StringComparison.Ordinal));
    }

    /// <summary>The official normalization of predictions and patterns alike: stripped, lower case, runs of the space character made
    /// one.</summary>
    public static string Normalize(string text)
    {
        text = PythonText.Lower(PythonText.Strip(text));
        while (text.Contains("  ", StringComparison.Ordinal))
            text = text.Replace("  ", " ", StringComparison.Ordinal);
        return text;
    }
}
