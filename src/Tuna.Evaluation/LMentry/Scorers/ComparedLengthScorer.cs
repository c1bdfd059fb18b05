using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>more_letters and less_letters: which of two words is longer or shorter.</summary>
internal sealed class ComparedLengthScorer(bool more) : ILMentryScorer
{
    private const string Less = "(less|fewer)";

    public ScoringRules RulesOf(LMentryExample example)
    {
        string word = example.Text("answer"), otherWord = example.Text("distractor");
        int difference = CodePoints(word) - CodePoints(otherWord);
        string answer = Patterns.Word(word), other = Patterns.Word(otherWord), letters = Patterns.Digits(more ? difference : -difference);
        string words = $"the words {Patterns.Word(example.Text("word1"))} and {Patterns.Word(example.Text("word2"))}, ";
        (string quantity, string oppositeQuantity) = more ? ("more", Less) : (Less, "more");
        (string length, string oppositeLength) = more ? ("longer", "shorter") : ("shorter", "longer");

        List<string> phrases = [.. Statements(answer, other, letters, quantity, length),
            $"{answer} is {length} than {other} by {letters} letter(s)?"];
        // Text is replaced, not meaning: a word such as "moreover" changes too, as it does officially.
        phrases.AddRange([.. Opposite(phrases, quantity, oppositeQuantity)]);
        phrases.AddRange([.. Opposite(phrases, length, oppositeLength)]);
        return new ScoringRules
        {
            Early = Rejection(answer, other, letters, quantity, length),
            Answer = answer,
            Phrases = [.. phrases, .. Patterns.Announcing(answer)],
            Prefixes = ["", "Of " + words, "From " + words],
        };

        IEnumerable<string> Opposite(List<string> from, string text, string replacement) =>
            Patterns.Swap(from.Where(phrase => phrase.Contains(text, StringComparison.Ordinal)), answer, other)
                .Select(phrase => phrase.Replace(text, replacement, StringComparison.Ordinal));
    }

    private static string[] Statements(string one, string other, string letters, string quantity, string length) =>
    [
        $"{one} has {quantity} letters",
        $"{one} has {quantity} letters than {other}",
        $"{one} has {letters} {quantity} letter(s)?",
        $"{one} has {letters} {quantity} letter(s)? than {other}",
        $"The word that has {quantity} letters is {one}",
        $"{one} is the word that has {quantity} letters",
        $"{one} is {length}",
        $"{one} is {length} than {other}",
        $"The {length} word is {one}",
        $"The word that is {length} is {one}",
        $"{one} is the word that is {length}",
    ];

    // Certainly wrong: the other word, whole sentences that prefer it, and the right word with a wrong difference in letters.
    private static Func<LMentryPrediction, LMentryVerdict?> Rejection(string answer, string other, string letters, string quantity,
        string length)
    {
        string[] wrong = [other, .. Statements(other, answer, letters, quantity, length), $"{other} is {length} by {letters} letter(s)?",
            $"{other} is {length} than {answer} by {letters} letter(s)?"];
        var wrongWord = PythonRegex.Match(string.Join('|', wrong.Select(pattern => $@"(?:{Patterns.Normalize(pattern)}\.?$)")));
        const string Number = @"(?<number>\d+|one|two|three|four|five|six|seven|eight|nine|ten|zero|a single)";
        PythonRegex[] differences =
        [
            PythonRegex.Match($"{answer} has {Number} {quantity} letter(s)?"),
            PythonRegex.Match($"{answer} has {Number} {quantity} letter(s)? than {other}"),
            PythonRegex.Match($"{answer} is {length} by {Number} letter(s)?"),
            PythonRegex.Match($"{answer} is {length} than {other} by {Number} letter(s)?"),
        ];
        var right = PythonRegex.Match(letters);
        return prediction =>
            wrongWord.IsMatch(prediction.Neutral)
                || differences.Any(pattern => pattern.Group(prediction.Neutral, "number") is { } found
                && !right.IsMatch(new NeutralText(found)))
                ? LMentryVerdict.Wrong
                : null;
    }

    private static int CodePoints(string text) => text.EnumerateRunes().Count();
}
