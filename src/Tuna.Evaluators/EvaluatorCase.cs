using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Tuna.Evaluators;

/// <summary>An answer to evaluate.</summary>
/// <param name="Id">Names it; the same question has the same id for every model.</param>
/// <param name="Messages">The conversation so far.</param>
/// <param name="Response">The answer.</param>
/// <param name="Contexts">What evaluators need beside them.</param>
public sealed record EvaluatorCase(string Id, IReadOnlyList<ChatMessage> Messages, ChatResponse Response,
    IReadOnlyList<EvaluationContext> Contexts)
{
    /// <summary>A case of one question.</summary>
    public static EvaluatorCase Of(string id, string question, string answer, params IReadOnlyList<EvaluationContext> contexts) =>
        new(id, [new ChatMessage(ChatRole.User, question)], new ChatResponse(new ChatMessage(ChatRole.Assistant, answer)), contexts);
}
