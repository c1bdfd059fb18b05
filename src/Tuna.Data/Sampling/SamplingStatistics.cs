using Tuna.Sampling;

namespace Tuna.Data.Sampling;

/// <summary>What a sampling run did.</summary>
/// <param name="Prompts">Prompts sampled.</param>
/// <param name="Draws">Responses drawn, rejected ones included.</param>
/// <param name="Resampled">Slots that needed more than one trial.</param>
/// <param name="Forced">Slots whose trials were all too similar, so that the least similar was kept.</param>
/// <param name="Unfinished">Kept responses that the token budget ended.</param>
/// <param name="Tokens">Tokens drawn.</param>
public sealed record SamplingStatistics(int Prompts, int Draws, int Resampled, int Forced, int Unfinished, long Tokens)
{
    /// <summary>Nothing was sampled.</summary>
    public static SamplingStatistics None { get; } = new(0, 0, 0, 0, 0, 0);

    /// <summary>Adds the responses to one prompt.</summary>
    public SamplingStatistics Add(DiverseSampleSet samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        IReadOnlyList<DiverseResponse> responses = samples.Responses;
        return new(Prompts + 1, Draws + responses.Sum(r => r.Trials), Resampled + responses.Count(r => r.Trials > 1),
            Forced + responses.Count(r => !r.Accepted), Unfinished + responses.Count(r => !r.Stopped), Tokens + samples.TokensDrawn);
    }
}
