using Tuna.Evaluation.LMentry;
using Tuna.Evaluation.Measures;
using Tuna.Evaluation.NaturalInstructions;
using Tuna.Evaluation.Similarity;
using Tuna.Evaluation.Vicuna;

namespace Tuna.Evaluation.Reports;

/// <summary>What was measured of one model; what was not is null and leaves its cells empty.</summary>
/// <param name="Model">The model's name in the report.</param>
public sealed record ModelResults(string Model)
{
    /// <summary>Super-NaturalInstructions, 0-shot.</summary>
    public NaturalReport? ZeroShot { get; init; }

    /// <summary>Super-NaturalInstructions, 2-shot.</summary>
    public NaturalReport? TwoShot { get; init; }

    /// <summary>LMentry.</summary>
    public LMentryReport? LMentry { get; init; }

    /// <summary>Vicuna QA against a baseline.</summary>
    public VicunaReport? Vicuna { get; init; }

    /// <summary>NLL of held-out responses.</summary>
    public HeldOutNll? HeldOut { get; init; }

    /// <summary>BERTScore to the references.</summary>
    public BertScoreResult? BertScore { get; init; }

    /// <summary>The human evaluation's score.</summary>
    public HumanScore? Human { get; init; }

    /// <summary>What was wrong with the data, the predictions or the judge, over all parts.</summary>
    public IEnumerable<string> Issues =>
        [.. ZeroShot?.Issues ?? [], .. TwoShot?.Issues ?? [], .. LMentry?.Issues ?? [], .. Vicuna?.Issues ?? []];
}
