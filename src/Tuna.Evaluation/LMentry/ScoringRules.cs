namespace Tuna.Evaluation.LMentry;

/// <summary>How the predictions of one example are judged, in this order; nothing understood means incorrect and uncertain.</summary>
internal sealed record ScoringRules
{
    /// <summary>A verdict that needs no pattern of an answer, or null to go on.</summary>
    public Func<LMentryPrediction, LMentryVerdict?> Early { get; init; } = _ => null;

    /// <summary>The answer itself: certain and correct when it is the whole prediction, or when each of its words is.</summary>
    public string? Answer { get; init; }

    /// <summary>Whether a prediction of nothing but repeated answers counts.</summary>
    public bool AnswerMayRepeat { get; init; } = true;

    /// <summary>Sentences that are certain and correct as a whole prediction.</summary>
    public IReadOnlyList<string> WholeSentences { get; init; } = [];

    /// <summary>Phrases that are correct wherever they stand, and certain as a whole prediction. Each stands between a prefix and a
    /// suffix.</summary>
    public IReadOnlyList<string> Phrases { get; init; } = [];

    /// <summary>What may precede a phrase.</summary>
    public IReadOnlyList<string> Prefixes { get; init; } = [""];

    /// <summary>What may follow a phrase.</summary>
    public IReadOnlyList<string> Suffixes { get; init; } = [""];
}
