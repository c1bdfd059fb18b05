namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>rhyming_word: which of two words rhymes with a third.</summary>
internal sealed class RhymingWordScorer : ILMentryScorer
{
    private const string A = "(a|the)", Not = "(does not|doesn't)";

    public ScoringRules RulesOf(LMentryExample example)
    {
        string word = example.Text("answer");
        string answer = Patterns.Word(word), query = Patterns.Word(example.Text("query")),
            other = Patterns.Word(example.Text("distractor"));
        string[] sentences =
        [
            $"{query} rhymes with {answer}( and not with {other})?",
            $"{query} is {A} rhyme of {answer}( and not of {other})?",
            $"{query} and {answer} rhyme",
            $"{query} and {answer} are rhymes",
            $"{query} and {answer} are words that rhyme",
            $"{A} rhyme of {query} is {answer}( and not {other})?",
            $"{A} word rhyming with {query} is {answer}",
            $"{A} word that rhymes with {query} is {answer}",
            $"{query} and {answer}( both)? rhyme( with each other)?, (while|but|and) {other} {Not} rhyme with either( word)?",
        ];
        return new ScoringRules
        {
            Early = Early.WrongAsOtherWord(word),
            Answer = answer,
            WholeSentences =
            [
                .. sentences,
                .. Patterns.Swap(sentences, answer, query),
                $@"{other} {Not} rhyme with {query}(\s+{answer} (rhymes|does rhyme) with {query})?",
                $@"{query} {Not} rhyme with {other}(\s+{query} (rhymes|does rhyme) with {answer})?",
                $@"{answer} rhymes with {query}\s+{other} {Not} rhyme with {query}",
            ],
        };
    }
}
