namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>homophones: which of two words sounds like a third.</summary>
internal sealed class HomophoneScorer : ILMentryScorer
{
    private const string Like = "(like|similar to)", But = @"(\.,)? (but|and)"; // the official pattern asks for both marks

    public ScoringRules RulesOf(LMentryExample example)
    {
        string word = example.Text("answer");
        string answer = Patterns.Word(word), query = Patterns.Word(example.Text("query")),
            other = Patterns.Word(example.Text("distractor"));
        string[] sentences =
        [
            $"{query} sounds {Like} {answer}",
            $"{query} sounds {Like} {answer}{But} not {Like} {other}",
            $"{query} sounds {Like} {answer}{But} {other} does not",
            $"{query} and {answer} sound alike",
            $"{query} sounds more {Like} {answer}",
            $"{query} sounds more {Like} {answer} than( like)? {other}( does)?",
            $"{query} sounds most {Like} {answer}",
            $"{query} is a homophone of {answer}",
            $"{query} and {answer} are homophones( of each other)?",
            $"The homophone of {query} is {answer}",
        ];
        return new ScoringRules
        {
            Early = Early.WrongWithout(word),
            Answer = answer,
            WholeSentences = [.. sentences, .. Patterns.Swap(sentences, answer, query)],
        };
    }
}
