using Tuna.Policies;
using Tuna.Rankers.Probabilistic;
using Tuna.Ranking;
using Tuna.Data.Groups;

namespace Tuna.Rankers.Tests.Probabilistic;

public class PolicyRankerTests
{
    [Fact]
    public async Task ScoreAsync_TokenizesPromptAndResponsesSeparately_AndCountsTheEndToken()
    {
        using var teacher = new CountingPolicy();
        using var ranker = new PolicyRanker(teacher, ByteTokenizer.Instance);

        RankingRequest scored = await ranker.ScoreAsync(new RankingRequest("a", "Hi", null, [new("abc"), new("")]));

        TokenGroup group = Assert.Single(teacher.Groups);
        Assert.Equal(1, group.Prompt.Span[0]);
        Assert.EndsWith("### Instruction:\nHi\n\n### Response:", ByteTokenizer.Instance.Decode(group.Prompt.Span),
            StringComparison.Ordinal);
        Assert.Equal([3 + 'a', 3 + 'b', 3 + 'c', 2], group.Responses[0].ToArray());
        Assert.Equal([2], group.Responses[1].ToArray());
        Assert.Equal([4, 1], scored.Candidates.Select(c => c.TokenCount!.Value));
        Assert.Equal([-4, -1], scored.Candidates.Select(c => c.LogProb!.Value));
    }

    [Fact]
    public async Task RankAsync_RanksByEquation3OfTheTeachersOwnScores()
    {
        using var teacher = new CountingPolicy();
        using var ranker = new PolicyRanker(teacher, ByteTokenizer.Instance);

        RankingResult result = await ranker.RankAsync(
            new RankingRequest("a", "Hi", null, [new("x", 0, 1), new("a longer response", -1000, 3)]));

        Assert.Equal([1, 0], result.Order); // equal means; beta above 1 favours the longer
        Assert.Equal(-2 / Math.Pow(2, 1.3), result.Scores[0]!.Value, 1e-12);
    }

    [Fact]
    public async Task RankAsync_TooLongForTheContext_NamesTheCandidate()
    {
        using var teacher = new CountingPolicy();
        using var ranker = new PolicyRanker(teacher, ByteTokenizer.Instance);

        var e = await Assert.ThrowsAsync<RankingException>(() =>
            ranker.RankAsync(new RankingRequest("a", "Hi", null, [new("x"), new(new string('y', 2000))])));

        Assert.Equal(RankingFailure.InvalidRequest, e.Reason);
        Assert.Contains("candidate 1", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RankAsync_ManyRowsAtOnce_UseThePolicyOneAtATime()
    {
        using var teacher = new CountingPolicy();
        using var ranker = new PolicyRanker(teacher, ByteTokenizer.Instance);

        await Task.WhenAll(Enumerable.Range(0, 16)
            .Select(i => ranker.RankAsync(new RankingRequest($"{i}", "Hi", null, [new("x"), new("yy")]))));

        Assert.Equal(16, teacher.Groups.Count);
        Assert.Equal(1, teacher.MostAtOnce);
    }

    /// <summary>Every token has log p = -1.</summary>
    private sealed class CountingPolicy : IPolicyModel
    {
        private int _now;

        public List<TokenGroup> Groups { get; } = [];

        public int MostAtOnce { get; private set; }

        public PolicyInfo Info { get; } = new(259, 1000, 8, 1, 100);

        public void Score(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken = default)
        {
            MostAtOnce = Math.Max(MostAtOnce, Interlocked.Increment(ref _now));
            Thread.Yield();
            Groups.AddRange(groups);
            int row = 0;
            foreach (TokenGroup group in groups)
            {
                foreach (ReadOnlyMemory<int> response in group.Responses)
                    logProbs[row++] = -response.Length;
            }

            Interlocked.Decrement(ref _now);
        }

        public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
            CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public void Dispose()
        {
        }
    }
}
