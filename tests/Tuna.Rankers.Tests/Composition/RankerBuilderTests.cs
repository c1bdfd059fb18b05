using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Tuna.DependencyInjection;
using Tuna.Rankers.Aggregation;
using Tuna.Rankers.Composition;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Probabilistic;
using Tuna.Rankers.Tests.Support;
using Tuna.Ranking;
using Tuna.Testing.Services;

namespace Tuna.Rankers.Tests.Composition;

public sealed class RankerBuilderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("tuna-rankings").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Build_FirstLayerIsOutermost()
    {
        var order = new List<string>();
        IResponseRanker ranker = new RankerBuilder(FunctionRanker.ByNumber())
            .Use(inner => new Noting(inner, "outer", order))
            .Use(inner => new Noting(inner, "inner", order))
            .Build();

        await ranker.RankAsync(Rows.Row("1", "2"));

        Assert.Equal(["outer", "inner"], order);
    }

    [Fact]
    public async Task UseCache_SameContent_IsRankedOnceAndCostsNothingAgain()
    {
        var inner = FunctionRanker.ByNumber();
        IResponseRanker ranker = new RankerBuilder(inner).UseCache(capacity: 2).Build();

        RankingResult first = await ranker.RankAsync(Rows.Row("1", "2"));
        RankingResult second = await ranker.RankAsync(Rows.Row("1", "2") with { Id = "other" });
        await ranker.RankAsync(Rows.Row("2", "1"));
        await ranker.RankAsync(Rows.Row("3", "1")); // the first goes
        await ranker.RankAsync(Rows.Row("1", "2"));

        Assert.Equal(first.Order, second.Order);
        Assert.Equal(RankingUsage.None, second.Usage);
        Assert.Equal(4, inner.Requests.Count);
    }

    [Fact]
    public async Task UseCache_Failure_IsNotRemembered()
    {
        int calls = 0;
        IResponseRanker ranker = new RankerBuilder(
            new FunctionRanker(r => ++calls == 1
            ? throw new RankingException(r.Id, RankingFailure.ServiceError, "x") : RankedScores.ToResult([1, 2]))).UseCache().Build();

        await Assert.ThrowsAsync<RankingException>(() => ranker.RankAsync(Rows.Row("1", "2")));
        await ranker.RankAsync(Rows.Row("1", "2"));

        Assert.Equal(2, calls);
    }

    [Fact]
    public async Task UseJournal_AnotherRun_ReadsTheRankingBackWhole()
    {
        string path = Path.Combine(_folder, "rankings.jsonl");
        RankingRequest request = Rows.Row("1", "3", "drop");
        var whole = new RankingResult
        {
            Scores = [1.5, 2, null],
            Order = [1, 0],
            Usage = new RankingUsage(2, 3, 4, 0.5m),
            Consistency = 0.75,
            AspectScores = [[1, 2, 3], null, null],
            PairSupport = [[0.5, double.NaN], [1, 0.5]],
            JudgeReference = "Zwölf 🐟",
        };
        using (RankingJournal journal = RankingJournal.Open(path))
            await new RankerBuilder(new FunctionRanker(_ => whole)).UseJournal(journal, "v1").Build().RankAsync(request);

        var never = FunctionRanker.Failing(RankingFailure.ServiceError);
        using RankingJournal again = RankingJournal.Open(path);
        RankingResult read = await new RankerBuilder(never).UseJournal(again, "v1").Build().RankAsync(request);

        Assert.Equal(whole.Scores, read.Scores);
        Assert.Equal(whole.Order, read.Order);
        Assert.Equal(whole.Consistency, read.Consistency);
        Assert.Equal(whole.AspectScores![0], read.AspectScores![0]);
        Assert.Null(read.AspectScores[1]);
        Assert.Equal(double.NaN, read.PairSupport![0][1]);
        Assert.Equal(whole.JudgeReference, read.JudgeReference);
        Assert.Equal(RankingUsage.None, read.Usage);
        Assert.Empty(never.Requests);
        await Assert.ThrowsAsync<RankingException>(() => new RankerBuilder(never).UseJournal(again, "v2").Build().RankAsync(request));
    }

    [Fact]
    public async Task UseFallback_FailedRow_GoesToTheOtherAndBothArePaid()
    {
        IResponseRanker ranker = new RankerBuilder(FunctionRanker.Failing(RankingFailure.UnreadableReply))
            .UseFallback(FunctionRanker.ByNumber()).Build();
        IResponseRanker picky = new RankerBuilder(FunctionRanker.Failing(RankingFailure.UnreadableReply))
            .UseFallback(FunctionRanker.ByNumber(), e => e.Reason == RankingFailure.Refused).Build();

        RankingResult result = await ranker.RankAsync(Rows.Row("1", "2"));

        Assert.Equal([1, 0], result.Order);
        Assert.Equal(2, result.Usage.Calls);
        await Assert.ThrowsAsync<RankingException>(() => picky.RankAsync(Rows.Row("1", "2")));
    }

    [Fact]
    public async Task AddContextualRanker_RegistersADecoratedRanker()
    {
        using var judge = new ScriptedChatClient("rank: [1, 0, 2]");
        var services = new ServiceCollection();
        services.AddSingleton<IChatClient>(judge);
        services.AddTuna().AddContextualRanker(new ContextualRankerOptions { MaxReasks = 0 }).UseCache().UseLogging();
        await using ServiceProvider provider = services.BuildServiceProvider();

        var ranker = provider.GetRequiredService<IResponseRanker>();
        RankingResult result = await ranker.RankAsync(Rows.Row("a", "b"));

        Assert.IsType<CachingRanker>(ranker);
        Assert.Equal([1, 0], result.Order);
        Assert.Same(ranker, provider.GetRequiredService<IResponseRanker>());
    }

    [Fact]
    public async Task AddRanker_Twice_TheLastOneWinsAndKeyedOnesStandBeside()
    {
        var first = FunctionRanker.ByNumber();
        var last = FunctionRanker.ByNumber();
        var services = new ServiceCollection();
        services.AddSingleton<IResponseRanker>(FunctionRanker.ByNumber());
        ITunaBuilder tuna = services.AddTuna();
        tuna.AddRanker(_ => first);
        tuna.AddProbabilisticRanker(1.0, key: "probabilistic").UsePermutations(new PermutationOptions()).UseConsistencyFilter(0.5)
            .UseEnsemble([first]);
        tuna.AddRanker(_ => first, key: "other");
        tuna.AddRanker(_ => last, key: "other");
        tuna.AddRanker(_ => last);
        await using ServiceProvider provider = services.BuildServiceProvider();

        Assert.Same(last, provider.GetRequiredService<IResponseRanker>());
        Assert.Same(last, Assert.Single(provider.GetServices<IResponseRanker>()));
        Assert.Same(last, provider.GetRequiredKeyedService<IResponseRanker>("other"));
        Assert.IsType<PermutationRanker>(provider.GetRequiredKeyedService<IResponseRanker>("probabilistic"));
    }

    [Fact]
    public void AddProbabilisticRanker_Alone_IsIt()
    {
        var services = new ServiceCollection();
        services.AddTuna().AddProbabilisticRanker(1.0);
        using ServiceProvider provider = services.BuildServiceProvider();

        Assert.Equal(1.0, Assert.IsType<ProbabilisticRanker>(provider.GetRequiredService<IResponseRanker>()).Beta);
    }

    private sealed class Noting(IResponseRanker inner, string name, List<string> order) : DelegatingResponseRanker(inner)
    {
        public override Task<RankingResult> RankAsync(RankingRequest request, CancellationToken cancellationToken = default)
        {
            order.Add(name);
            return base.RankAsync(request, cancellationToken);
        }
    }
}
