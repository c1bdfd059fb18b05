namespace Tuna.Evaluation.LMentry.Scorers;

/// <summary>bigger_number and smaller_number.</summary>
internal sealed class ComparedNumberScorer(bool bigger) : ILMentryScorer
{
    private const string Bigger = "(bigger|larger)", Smaller = "smaller";

    public ScoringRules RulesOf(LMentryExample example)
    {
        long number = example.Number("answer");
        string digits = number.ToString(System.Globalization.CultureInfo.InvariantCulture);
        string answer = Patterns.Number(number), other = Patterns.Number(example.Number("distractor"));
        (string asked, string opposite) = bigger ? (Bigger, Smaller) : (Smaller, Bigger);
        string[] phrases =
        [
            $"{answer} is {asked}",
            $"{answer} is {asked} than {other}",
            $"{answer} is the {asked} number",
            $"The {asked} number is {answer}",
        ];
        string numbers = $"numbers {example.Number("n1")} and {example.Number("n2")}, ";
        return new ScoringRules
        {
            // A single word, perhaps repeated, that is not the answer in digits: the answer spelled in one word is wrong as well.
            Early = prediction => prediction.AlphanumericWords.Distinct().Count() == 1 && prediction.AlphanumericWords[0] != digits
                ? LMentryVerdict.Wrong : null,
            Answer = answer,
            Phrases =
            [
                .. phrases,
                .. Patterns.Swap(phrases, answer, other).Select(phrase => phrase.Replace(asked, opposite, StringComparison.Ordinal)),
                .. Patterns.Announcing(answer),
            ],
            Prefixes = ["", "Of the " + numbers, "From the " + numbers, "Between the " + numbers],
        };
    }
}
