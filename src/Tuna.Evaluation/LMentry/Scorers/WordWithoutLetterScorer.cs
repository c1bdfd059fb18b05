using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>word_not_containing a given letter.</summary>
internal sealed class WordWithoutLetterScorer : ILMentryScorer
{
    private const string That = "(that|which)", Not = "((does not)|(doesn't))";

    public ScoringRules RulesOf(LMentryExample example)
    {
        string letter = example.Text("letter"), quoted = Patterns.Letter(letter);
        string letters = string.Concat("abcdefghijklmnopqrstuvwxyz".Where(c => !letter.Contains(c, StringComparison.Ordinal)));
        string word = Patterns.Word($@"((\b[{letters}]{{2,}}\b){(letter == "a" ? "" : "|(a)")}{(letter == "i" ? "" : "|(i)")})");

        // Repeating the request, perhaps for another letter, is no answer.
        string request = Patterns.Normalize(example.Input).Replace($"\"{letter}\"", "\"\\w\"", StringComparison.Ordinal);
        var echo = PythonRegex.Match(request + "$");
        return new ScoringRules
        {
            Early = prediction => echo.IsMatch(prediction.Neutral)
                || (prediction.IsOneWord && prediction.Text.Contains(letter, StringComparison.Ordinal)) ? LMentryVerdict.Wrong : null,
            Answer = word,
            AnswerMayRepeat = false,
            Phrases =
            [
                $"{word} (is a word {That} )?{Not} (contain|use|have) {quoted}",
                $"A word {That} {Not} (contain|use|have) {quoted} is {word}",
                $"A word not (containing|using|having) {quoted} is {word}",
                $"{word} is a word without {quoted}",
            ],
        };
    }
}
