using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>all_words_from_category and any_words_from_category: a yes-or-no question about five words.</summary>
internal sealed class WordsFromCategoryScorer(bool all) : ILMentryScorer
{
    public ScoringRules RulesOf(LMentryExample example)
    {
        long distractors = example.Number("num_distractors");
        bool yes = all ? distractors == 0 : example.Number("num_words") > distractors;
        string answer = yes ? "yes" : "no";
        var opposite = PythonRegex.Match(yes ? @"no\.?$" : @"yes\.?$");
        return new ScoringRules
        {
            Early = prediction => opposite.IsMatch(prediction.Neutral) ? LMentryVerdict.Wrong : null,
            Answer = answer,
            Phrases = [$@"^{answer}\b", .. all
                ? Statements(answer, Category(example.Text("category"))) : [], .. Patterns.Announcing(answer)],
        };
    }

    private static string[] Statements(string answer, string category) =>
    [
        $"{answer}, the list contains only {category}",
        $"{answer}, (all of (these|those|the) words|they all)( (listed|in the list))? (represent|are types of|refer to types of) "
            + $"{category}",
    ];

    private static string Category(string category) => category switch
    {
        "items of clothing" => $"({category}|clothes|clothing)",
        "furniture" => $"({category}|pieces of furniture)",
        "fruit" => $"({category}|fruits)",
        _ => category,
    };
}
