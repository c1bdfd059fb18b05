using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.LMentry;

/// <summary>The rules of one example with their patterns compiled, each when first needed.</summary>
/// <remarks>
/// The official scorers try prefix + phrase + suffix one after another and keep the best verdict, so the order does not matter and one
/// alternation does the work of hundreds of patterns.
/// </remarks>
internal sealed class ExampleScorer
{
    private readonly ScoringRules _rules;
    private readonly Lazy<PythonRegex?> _whole, _repeated, _wholePhrase, _anyPhrase;

    public ExampleScorer(ScoringRules rules)
    {
        _rules = rules;
        _whole = new(() => Whole(rules.Answer is null ? rules.WholeSentences : [rules.Answer, .. rules.WholeSentences], ignoreCase: true));
        _repeated = new(() => rules is { Answer: { } answer, AnswerMayRepeat: true } ? PythonRegex.Match(answer + "$") : null);
        string phrase = Normalized(rules.Prefixes) + Normalized(rules.Phrases) + Normalized(rules.Suffixes);
        _wholePhrase = new(() => rules.Phrases.Count == 0 ? null : Whole([phrase], ignoreCase: false));
        _anyPhrase = new(() => rules.Phrases.Count == 0 ? null : PythonRegex.Search(phrase));
    }

    public LMentryVerdict Score(LMentryPrediction prediction)
    {
        if (_rules.Early(prediction) is { } verdict)
            return verdict;
        if (prediction.HasAlphanumeric && (_whole.Value?.IsMatch(prediction.Neutral) == true || IsRepeatedAnswer(prediction)))
            return LMentryVerdict.Right;
        if (_wholePhrase.Value?.IsMatch(prediction.Neutral) == true)
            return LMentryVerdict.Right;
        return new LMentryVerdict(Correct: _anyPhrase.Value?.IsMatch(prediction.Neutral) == true, Certain: false);
    }

    // True of a prediction without a single word too, such as one in another script: so the official scorers have it.
    private bool IsRepeatedAnswer(LMentryPrediction prediction) =>
        _repeated.Value is { } pattern && prediction.AlphanumericWords.All(word => pattern.IsMatch(new NeutralText(word)));

    private static PythonRegex? Whole(IReadOnlyList<string> patterns, bool ignoreCase) =>
        patterns.Count == 0 ? null : PythonRegex.Match(string.Join('|', patterns.Select(pattern => $@"(?:{pattern}\.?$)")), ignoreCase);

    private static string Normalized(IReadOnlyList<string> alternatives) =>
        alternatives is [""] ? "" : $"(?:{string.Join('|', alternatives.Select(Lower))})";

    // Lower case and single spaces, as Patterns.Normalize; but outer spaces join a prefix or suffix to its phrase.
    private static string Lower(string pattern)
    {
        string middle = Patterns.Normalize(pattern);
        return middle.Length == 0 ? middle : $"{(pattern[0] == ' ' ? " " : "")}{middle}{(pattern[^1] == ' ' ? " " : "")}";
    }
}
