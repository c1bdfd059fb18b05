using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>word_after and word_before: the neighbour of a word in a sentence.</summary>
internal sealed class NeighbourWordScorer(bool after) : ILMentryScorer
{
    private const string After = "(immediately |right )?after", Before = "(immediately |right )?before", Follows = "(immediately )?follows";

    public ScoringRules RulesOf(LMentryExample example)
    {
        string word = PythonText.Lower(example.Text("answer")), plain = PythonText.Lower(example.Text("sentence"));
        string answer = Patterns.Word(word), query = Patterns.Word(PythonText.Lower(example.Text("query"))),
            sentence = Patterns.Sentence(plain);
        (string side, string otherSide) = after ? (After, Before) : (Before, After);
        string[] sided =
        [
            $"{answer} comes {side} {query}",
            $"{answer} is the word that comes {side} {query}",
            $"The word that comes {side} {query} is {answer}",
            $"The word that comes {side} {query} in {sentence} is {answer}",
        ];
        var absent = Early.WrongWithout(word);
        return new ScoringRules
        {
            // Repeating the sentence is no answer either.
            Early = prediction => absent(prediction) ?? (prediction.WithoutPunctuation == plain ? LMentryVerdict.Wrong : null),
            Answer = answer,
            Phrases =
            [
                .. sided,
                .. Patterns.Swap(sided, answer, query).Select(phrase => phrase.Replace(side, otherSide, StringComparison.Ordinal)),
                .. after ? Succeeding(answer, query) : Preceding(answer, query),
                .. Patterns.Announcing(answer),
            ],
            Prefixes = ["", $"In {sentence} "],
            Suffixes = ["", $" (of|in) {sentence}"],
        };
    }

    // "Precedes" and "succeeds" are not exchanged: the official code means to, but its condition is never true.
    private static string[] Succeeding(string answer, string query)
    {
        const string Succeeds = "(immediately )?succeeds";
        return
        [
            $"{answer} {Succeeds} {query}",
            $"{answer} is the word that {Succeeds} {query}",
            $"{answer} {Follows} {query}",
            $"The word that {Succeeds} {query} is {answer}",
            $"The word that {Follows} {query} is {answer}",
            $"{query} is succeeded by {answer}",
            $"{query} is followed by {answer}",
        ];
    }

    private static string[] Preceding(string answer, string query)
    {
        const string Precedes = "(immediately )?precedes";
        return
        [
            $"{answer} {Precedes} {query}",
            $"{answer} is the word that {Precedes} {query}",
            $"{answer} is followed by {query}",
            $"The word that {Precedes} {query} is {answer}",
            $"The word that {Follows} {answer} is {query}",
            $"{answer} is succeeded by {query}",
            $"{query} {Follows} {answer}",
        ];
    }
}
