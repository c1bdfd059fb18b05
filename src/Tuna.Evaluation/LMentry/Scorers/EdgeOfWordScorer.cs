namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>starts_with_letter and ends_with_letter: a word with a given first or last letter.</summary>
internal sealed class EdgeOfWordScorer(bool first) : ILMentryScorer
{
    private const string A = "(a|one)", SuchWord = "possible( such)? (word|answer)";

    public ScoringRules RulesOf(LMentryExample example)
    {
        string letter = example.Text("letter");
        string rest = letter is "a" or "i" ? @"\w*" : @"\w+";
        string word = Patterns.Word(first ? $"{letter}-?{rest}" : rest + letter); // the hyphen is for "e-mail" and "x-ray"
        string quoted = Patterns.Letter(letter);
        return new ScoringRules
        {
            Early = prediction => prediction.LetterWords.All(found => (first ? found[..1] : found[^1..]) != letter)
                ? LMentryVerdict.Wrong : null,
            Answer = word,
            Phrases = [$"{A} {SuchWord} is {word}", $"{word} is {A} {SuchWord}", .. first
                ? Starting(word, quoted) : Ending(word, quoted), .. Patterns.Announcing(word)],
        };
    }

    private static string[] Starting(string word, string letter) =>
    [
        $"{word} (starts|begins) with {letter}",
        $"{word} is {A} word that (starts|begins) with {letter}",
        $"{word} is {A} word (starting|beginning) with {letter}",
        $"A word starting with {letter} is {word}",
        $"{word} is {A} word whose first letter is {letter}",
        $"{letter} is for {word}",
        $"How about {word}",
        $"May I suggest {word}",
    ];

    // The official list lacks a comma, so that two of its patterns are one.
    private static string[] Ending(string word, string letter) =>
    [
        $"{word} ends with {letter}",
        $"{word} is {A} word that ends with {letter}",
        $"{word} is {A} word ending with {letter}",
        $"A word ending with {letter} is {word}",
        $"{word} is {A} word whose last letter is {letter}How about {word}",
        $"May I suggest {word}",
    ];
}
