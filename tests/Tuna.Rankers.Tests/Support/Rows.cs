using Tuna.Ranking;

namespace Tuna.Rankers.Tests.Support;

internal static class Rows
{
    public static RankingRequest Row(params string[] candidates) =>
        new("row-1", "Name a colour.", null, [.. candidates.Select(c => new CandidateResponse(c))]);

    public static RankingRequest Four() => Row("Red.", "Green, like grass.", "Blue is a colour.", "No.");
}
