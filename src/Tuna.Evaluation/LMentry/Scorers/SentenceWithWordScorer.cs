using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>sentence_containing and sentence_not_containing; neither tries patterns of an answer.</summary>
internal sealed class SentenceWithWordScorer(bool containing) : ILMentryScorer
{
    public ScoringRules RulesOf(LMentryExample example)
    {
        string word = PythonText.Lower(example.Text("word"));
        return new ScoringRules { Early = containing ? Containing(word) : NotContaining(word) };
    }

    // Something besides the word is enough for a sentence.
    private static Func<LMentryPrediction, LMentryVerdict?> Containing(string word)
    {
        var sentence = PythonRegex.Search(Patterns.Sentence($@"((.*\b{word}\b.+)|(.+\b{word}\b.*))"));
        return prediction => sentence.IsMatch(prediction.Neutral) ? LMentryVerdict.Right : LMentryVerdict.Wrong;
    }

    private static Func<LMentryPrediction, LMentryVerdict?> NotContaining(string word)
    {
        var present = PythonRegex.Search($@"\b{word}\b");
        return prediction => (present.IsMatch(prediction.Neutral), prediction.LetterWords.Count) switch
        {
            (true, _) or (_, 0) => LMentryVerdict.Wrong,
            (_, 1) => new LMentryVerdict(Correct: false, Certain: false),
            // "cats" is not "cat", but one never knows
            _ => new LMentryVerdict(Correct: true, Certain: !prediction.Text.Contains(word, StringComparison.Ordinal)),
        };
    }
}
