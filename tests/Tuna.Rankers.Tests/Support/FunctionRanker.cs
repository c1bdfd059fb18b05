using Tuna.Ranking;

namespace Tuna.Rankers.Tests.Support;

/// <summary>A ranker that is a function; it keeps what it was asked.</summary>
internal sealed class FunctionRanker(Func<RankingRequest, RankingResult> rank) : IResponseRanker
{
    private readonly Lock _lock = new();

    public List<RankingRequest> Requests { get; } = [];

    /// <summary>Ranks by the number in each candidate's text, higher first; one call a row.</summary>
    public static FunctionRanker ByNumber() =>
        new(r => RankedScores.ToResult(
        [.. r.Candidates.Select(c => double.Parse(c.Text, System.Globalization.CultureInfo.InvariantCulture))]) with
        {
            Usage = new(1, 10, 5),
        });

    public static FunctionRanker Failing(RankingFailure reason) =>
        new(r => throw new RankingException(r.Id, reason, "scripted.", new RankingUsage(1, 10, 5)));

    public Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
            Requests.Add(request);
        try
        {
            return Task.FromResult(rank(request));
        }
        catch (Exception e)
        {
            return Task.FromException<RankingResult>(e);
        }
    }
}
