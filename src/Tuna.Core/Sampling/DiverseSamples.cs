namespace Tuna.Sampling;

/// <summary>A prompt to sample from.</summary>
/// <param name="Id">Names the row; its draws are seeded by it, so ids are unique within a run.</param>
/// <param name="Prompt">Prompt token ids, begin token included, [P].</param>
public sealed record DiversePrompt(string Id, ReadOnlyMemory<int> Prompt);

/// <summary>One response that was kept.</summary>
/// <param name="Text">Its text, special tokens left out.</param>
/// <param name="Tokens">Its token ids, the end token included when it stopped by itself, [T].</param>
/// <param name="LogProb">Sum of log p(token) under the policy at temperature 1, in nats.</param>
/// <param name="Stopped">Whether it ended by itself; false when the budget ended it.</param>
/// <param name="Temperature">The temperature it was drawn at.</param>
/// <param name="Trials">Draws made for its slot, [1, MaxTrials].</param>
/// <param name="Similarity">Its largest ROUGE-L F with the slots before it; 0 for the first.</param>
/// <param name="Accepted">Whether <paramref name="Similarity"/> is below the threshold; false when it is the least similar of the
/// trials.</param>
public sealed record DiverseResponse(string Text, IReadOnlyList<int> Tokens, double LogProb, bool Stopped, double Temperature, int Trials,
    double Similarity, bool Accepted);

/// <summary>The responses to one prompt.</summary>
/// <param name="Id">The row.</param>
/// <param name="Responses">N responses, in the order of their slots.</param>
/// <param name="TokensDrawn">Tokens of all draws, of rejected ones too.</param>
public sealed record DiverseSampleSet(string Id, IReadOnlyList<DiverseResponse> Responses, long TokensDrawn);
