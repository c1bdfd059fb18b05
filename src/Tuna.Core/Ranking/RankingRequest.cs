namespace Tuna.Ranking;

/// <summary>One instruction with the candidates to rank.</summary>
/// <param name="Id">Names the row in errors and journals.</param>
/// <param name="Instruction">The instruction.</param>
/// <param name="Input">Optional input of the instruction; null or empty when there is none.</param>
/// <param name="Candidates">The responses, in any order.</param>
/// <param name="Reference">The original response, if known.</param>
public sealed record RankingRequest(string Id, string Instruction, string? Input, IReadOnlyList<CandidateResponse> Candidates,
    string? Reference = null)
{
    /// <summary>When a decorator permuted the candidates: the original index of each, so that a journal can tell the orders apart. Null
    /// otherwise.</summary>
    public IReadOnlyList<int>? PresentedOrder { get; init; }
}

/// <summary>A response and what its source said about it.</summary>
/// <param name="Text">The response.</param>
/// <param name="LogProb">Sum over its tokens of log p(token) under its teacher, in nats, when known.</param>
/// <param name="TokenCount">Its length in the teacher's tokens, end-of-sequence included, when known.</param>
/// <param name="Model">The model that wrote it, when known.</param>
public sealed record CandidateResponse(string Text, double? LogProb = null, int? TokenCount = null, string? Model = null);
