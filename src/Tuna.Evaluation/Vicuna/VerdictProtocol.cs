namespace Tuna.Evaluation.Vicuna;

/// <summary>The current protocol (FastChat's llm_judge): <c>[[A]]</c>, <c>[[B]]</c> or <c>[[C]]</c> in both orders; a model wins only if
/// both orders say so.</summary>
/// <remarks>The prompts pair-v2 and pair-math-v1 are FastChat's (Apache-2.0). Math and coding are judged with a reference answer.</remarks>
/// <param name="lenient">Takes the last verdict in double brackets, else the last in single ones, in small letters, with spaces or as the
/// word "tie" too; by default replies are read as llm_judge reads them.</param>
public sealed class VerdictProtocol(bool lenient = false) : VicunaProtocol(lenient)
{
    private const string Opening =
        "Please act as an impartial judge and evaluate the quality of the responses provided by two AI assistants to the user question "
            + "displayed below. ";

    private const string Closing =
        "Avoid any position biases and ensure that the order in which the responses were presented does not influence your decision. "
        + "Do not allow the length of the responses to influence your evaluation. Do not favor certain names of the assistants. Be as "
            + "objective as possible. "
        + "After providing your explanation, output your final verdict by strictly following this format: \"[[A]]\" if assistant A is "
            + "better, \"[[B]]\" if assistant B is better, and \"[[C]]\" for a tie.";

    private const string General = Opening
        + "You should choose the assistant that follows the user's instructions and answers the user's question better. "
        + "Your evaluation should consider factors such as the helpfulness, relevance, accuracy, depth, creativity, and level of detail "
            + "of their responses. "
        + "Begin your evaluation by comparing the two responses and provide a short explanation. "
        + Closing;

    private const string WithReference = Opening
        + "Your evaluation should consider correctness and helpfulness. You will be given a reference answer, assistant A's answer, and "
            + "assistant B's answer. "
        + "Your job is to evaluate which assistant's answer is better. Begin your evaluation by comparing both assistants' answers with "
            + "the reference answer. Identify and correct any mistakes. "
        + Closing;

    private protected override string Form => "pairwise verdict in both orders";

    internal override float Temperature => 0;

    internal override int MaxOutputTokens => 2048;

    /// <inheritdoc/>
    public override bool NeedsReference(string category) => category is "math" or "reasoning" or "coding" or "arena-hard-200";

    internal override IReadOnlyList<VicunaCall> Calls(VicunaMatch match) => [Call(match, swapped: false), Call(match, swapped: true)];

    internal override VicunaJudgment Judge(VicunaMatch match, IReadOnlyList<string> replies)
    {
        MatchOutcome[] games = [Of(Read(replies[0])), Of(Swapped(Read(replies[1])))];
        MatchOutcome outcome = games.Contains(MatchOutcome.Error) ? MatchOutcome.Error : games[0] == games[1] ? games[0] : MatchOutcome.Tie;
        return new VicunaJudgment(match.Question.Id, match.Question.Category, match.Model1, match.Model2, outcome, games);
    }

    private GameVerdict Read(string reply) => Lenient ? GameReplies.VerdictLeniently(reply) : GameReplies.Verdict(reply);

    private static GameVerdict Swapped(GameVerdict verdict) => verdict switch
    {
        GameVerdict.A => GameVerdict.B,
        GameVerdict.B => GameVerdict.A,
        _ => verdict,
    };

    private static MatchOutcome Of(GameVerdict verdict) => verdict switch
    {
        GameVerdict.A => MatchOutcome.Win,
        GameVerdict.B => MatchOutcome.Loss,
        GameVerdict.Tie => MatchOutcome.Tie,
        _ => MatchOutcome.Error,
    };

    private VicunaCall Call(VicunaMatch match, bool swapped)
    {
        bool referenced = NeedsReference(match.Question.Category);
        (string a, string b) = swapped ? (match.Answer2, match.Answer1) : (match.Answer1, match.Answer2);
        string reference = referenced ? $"[The Start of Reference Answer]\n{match.Reference}\n[The End of Reference Answer]\n\n" : "";
        string user = $"[User Question]\n{match.Question.Text}\n\n{reference}"
            + $"[The Start of Assistant A's Answer]\n{a}\n[The End of Assistant A's Answer]\n\n"
            + $"[The Start of Assistant B's Answer]\n{b}\n[The End of Assistant B's Answer]";
        return VicunaCall.Of(referenced ? WithReference : General, user, referenced ? "pair-math-v1" : "pair-v2", swapped);
    }
}
