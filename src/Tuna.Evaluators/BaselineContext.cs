using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Tuna.Evaluators;

/// <summary>The answer of another model to the same question: what <see cref="VicunaEvaluator"/> compares with.</summary>
public sealed class BaselineContext : EvaluationContext
{
    /// <summary>The context's name in results and reports.</summary>
    public const string ContextName = "Baseline (Tuna)";

    /// <summary>Creates a context.</summary>
    /// <param name="answer">The baseline's answer.</param>
    /// <param name="category">The question's category; <c>math</c>, <c>reasoning</c> and <c>coding</c> are judged with a reference
    /// answer.</param>
    /// <param name="reference">The reference answer, where the category needs one.</param>
    public BaselineContext(string answer, string category = "general", string? reference = null)
        : base(ContextName, Texts(answer, reference))
    {
        ArgumentException.ThrowIfNullOrEmpty(category);
        Answer = answer;
        Category = category;
        Reference = reference;
    }

    /// <summary>The baseline's answer.</summary>
    public string Answer { get; }

    /// <summary>The question's category.</summary>
    public string Category { get; }

    /// <summary>The reference answer, or null.</summary>
    public string? Reference { get; }

    private static AIContent[] Texts(string answer, string? reference)
    {
        ArgumentNullException.ThrowIfNull(answer);
        return reference is null ? [new TextContent(answer)] : [new TextContent(answer), new TextContent(reference)];
    }
}
