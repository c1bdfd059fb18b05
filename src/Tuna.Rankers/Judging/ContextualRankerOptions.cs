using Tuna.Chat;


namespace Tuna.Rankers.Judging;

/// <summary>Settings of <see cref="ContextualRanker"/>; the defaults are the paper's.</summary>
public sealed record ContextualRankerOptions
{
    /// <summary>How the judge is asked. Default: the paper's prompt.</summary>
    public JudgePrompt Prompt { get; init; } = PaperPrompt.Instance;

    /// <summary>How the judge is asked once the service has refused the reply form that <see cref="Prompt"/> wants; null asks no other way.
    /// Default: the hardened text prompt.</summary>
    public JudgePrompt? FallbackPrompt { get; init; } = HardenedPrompt.Instance;

    /// <summary>The model to ask for; null leaves it to the client. Default null.</summary>
    public string? Model { get; init; }

    /// <summary>The judge's temperature, [0, 2]; null sends none, for models that refuse it. Default 0, as in the paper.</summary>
    public float? Temperature { get; init; } = 0;

    /// <summary>Nucleus sampling, (0, 1]; null sends none. Default null.</summary>
    public float? TopP { get; init; }

    /// <summary>Most tokens of a reply; null leaves it to the service. Default 2048, as in the released code.</summary>
    public int? MaxOutputTokens { get; init; } = 2048;

    /// <summary>How often an unreadable reply is asked again, in the same conversation and with what was wrong. At least 0. Default
    /// 2.</summary>
    public int MaxReasks { get; init; } = 2;

    /// <summary>What a candidate's score is. Default: the judge's totals.</summary>
    public JudgeScore Score { get; init; } = JudgeScore.Totals;

    /// <summary>Checks every setting.</summary>
    /// <exception cref="ArgumentException">A setting is missing or outside its range; the message says which.</exception>
    public void Validate()
    {
        if (Prompt is null)
            throw new ArgumentException($"{nameof(Prompt)} is not set.");
        if (Temperature is { } t && t is not (>= 0 and <= 2))
            throw new ArgumentOutOfRangeException(nameof(Temperature), t, "It is in [0, 2].");
        if (TopP is { } p && p is not (> 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(TopP), p, "It is in (0, 1].");
        if (MaxOutputTokens is < 1)
            throw new ArgumentOutOfRangeException(nameof(MaxOutputTokens), MaxOutputTokens, "It is at least 1.");
        if (MaxReasks < 0)
            throw new ArgumentOutOfRangeException(nameof(MaxReasks), MaxReasks, "It is at least 0.");
    }
}

/// <summary>What a judged candidate's score is.</summary>
public enum JudgeScore
{
    /// <summary>The judge's totals, 0 to 15, when it gave all of them and they agree with its ranking; otherwise positions. Equal totals
    /// are ties, which losses skip.</summary>
    Totals,

    /// <summary>Positions in the judge's ranking, K for the best of K down to 1: no ties, as the paper trains.</summary>
    Positions,
}
