using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>starts_with_word and ends_with_word: a sentence with a given first or last word.</summary>
internal sealed class EdgeOfSentenceScorer(bool first) : ILMentryScorer
{
    // A word of one letter is "a" or "i". One further word makes a sentence.
    private const string AnotherWord = @"(a|i|\w\w+)";

    public ScoringRules RulesOf(LMentryExample example)
    {
        string given = PythonText.Lower(example.Text("word"));
        string word = Patterns.Word(given);
        string sentence = first
            ? $"{Patterns.NonWord}*{word}{Patterns.NonWord}+{AnotherWord}.*"
            : $".*{AnotherWord}{Patterns.NonWord}+{word}{Patterns.NonWord}*";
        return new ScoringRules
        {
            Early = Early.WrongWithout(given),
            Answer = sentence,
            Phrases = [sentence, .. Patterns.Announcing(sentence)],
            Prefixes = first
                ? ["The sentence( is)?", $"(a|one) sentence that starts with {word}( is)?", $"(a|one) sentence starting with {word}( is)?",
                    $"(a|one) sentence whose first word is {word}( is)?"]
                : ["The sentence( is)?", $"(a|one) sentence that ends with {word} ( is)?", $"(a|one) sentence ending with {word}( is)?",
                    $"(a|one) sentence whose (last|final) word is {word}( is)?"],
            Suffixes = first
                ? [$"starts with {word}", $"is a sentence that starts with {word}", $"is a sentence starting with {word}",
                    $"is a sentence whose first word is {word}"]
                : ["$"],
        };
    }
}
