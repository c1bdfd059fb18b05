using Microsoft.Extensions.AI;
using Microsoft.Extensions.AI.Evaluation;

namespace Tuna.Evaluators;

/// <summary>The responses that an answer is compared with: what <see cref="RougeLEvaluator"/> needs beside the answer.</summary>
public sealed class ReferenceContext : EvaluationContext
{
    /// <summary>The context's name in results and reports.</summary>
    public const string ContextName = "Reference (Tuna)";

    /// <summary>Creates a context.</summary>
    /// <param name="references">The reference responses, at least one.</param>
    /// <exception cref="ArgumentException">There is none.</exception>
    public ReferenceContext(params IReadOnlyList<string> references)
        : base(ContextName, Texts(references))
        => References = [.. references];

    /// <summary>The reference responses.</summary>
    public IReadOnlyList<string> References { get; }

    private static AIContent[] Texts(IReadOnlyList<string> references)
    {
        ArgumentNullException.ThrowIfNull(references);
        return references.Count > 0
            ? [.. references.Select(text => new TextContent(text))]
            : throw new ArgumentException("There is no reference response.", nameof(references));
    }
}
