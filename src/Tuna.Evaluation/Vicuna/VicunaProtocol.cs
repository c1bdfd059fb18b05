using Microsoft.Extensions.AI;

namespace Tuna.Evaluation.Vicuna;

/// <summary>How a judge is asked about two answers and what its replies mean. Immutable and thread-safe.</summary>
public abstract class VicunaProtocol
{
    private protected VicunaProtocol(bool lenient) => Lenient = lenient;

    /// <summary>Names the protocol and the reader of its replies: every figure says which produced it.</summary>
    public string Name => $"{Form}, {(Lenient ? "lenient" : "official")} reader";

    /// <summary>Whether replies are read leniently rather than as the official code reads them.</summary>
    public bool Lenient { get; }

    private protected abstract string Form { get; }

    internal abstract float Temperature { get; }

    internal abstract int MaxOutputTokens { get; }

    /// <summary>Whether a question of this category is judged with a reference answer.</summary>
    public abstract bool NeedsReference(string category);

    /// <summary>The calls that a match takes.</summary>
    internal abstract IReadOnlyList<VicunaCall> Calls(VicunaMatch match);

    /// <summary>The result of a match from its replies, one per call.</summary>
    internal abstract VicunaJudgment Judge(VicunaMatch match, IReadOnlyList<string> replies);
}

/// <summary>Two answers to one question.</summary>
/// <param name="Question">The question.</param>
/// <param name="Model1">The model that is evaluated.</param>
/// <param name="Answer1">Its answer.</param>
/// <param name="Model2">The model it is compared with.</param>
/// <param name="Answer2">That model's answer.</param>
/// <param name="Reference">The reference answer, where the protocol needs one.</param>
internal sealed record VicunaMatch(VicunaQuestion Question, string Model1, string Answer1, string Model2, string Answer2,
    string? Reference = null);

/// <summary>One call to the judge.</summary>
/// <param name="Messages">What is sent.</param>
/// <param name="Order">Which answer is shown first: 0, 1 or swapped.</param>
/// <param name="PromptVersion">Names the wording.</param>
internal sealed record VicunaCall(IReadOnlyList<ChatMessage> Messages, IReadOnlyList<int> Order, string PromptVersion)
{
    public static VicunaCall Of(string system, string user, string version, bool swapped = false) =>
        new([new ChatMessage(ChatRole.System, system), new ChatMessage(ChatRole.User, user)], swapped ? [1, 0] : [0, 1], version);
}

/// <summary>How a match ended, seen from model 1.</summary>
public enum MatchOutcome
{
    /// <summary>The judge's reply was not understood, or there was none; tables leave the match out.</summary>
    Error,

    /// <summary>Model 1 won.</summary>
    Win,

    /// <summary>Model 2 won.</summary>
    Loss,

    /// <summary>Neither did, or the two orders disagree.</summary>
    Tie,
}

/// <summary>A judged match.</summary>
/// <param name="QuestionId">The question.</param>
/// <param name="Category">Its category.</param>
/// <param name="Model1">The model that is evaluated.</param>
/// <param name="Model2">The model it is compared with.</param>
/// <param name="Outcome">The result.</param>
/// <param name="Games">The result of each call, in the order of the calls, from model 1's side.</param>
/// <param name="Scores">The two scores, in the protocol that asks for scores.</param>
public sealed record VicunaJudgment(string QuestionId, string Category, string Model1, string Model2, MatchOutcome Outcome,
    IReadOnlyList<MatchOutcome> Games, ScorePair? Scores = null);
