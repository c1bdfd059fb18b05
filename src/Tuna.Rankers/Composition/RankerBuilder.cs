using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Tuna.Rankers.Aggregation;
using Tuna.Ranking;

namespace Tuna.Rankers.Composition;

/// <summary>Puts decorators around a ranker, the first one added outermost, as the builder of chat clients does.</summary>
public sealed class RankerBuilder
{
    private readonly Func<IServiceProvider, IResponseRanker> _inner;
    private readonly List<Func<IResponseRanker, IServiceProvider, IResponseRanker>> _layers = [];

    /// <summary>Starts with a ranker.</summary>
    public RankerBuilder(IResponseRanker inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = _ => inner;
    }

    /// <summary>Starts with a ranker that is made from an application's services.</summary>
    public RankerBuilder(Func<IServiceProvider, IResponseRanker> inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
    }

    /// <summary>Adds a decorator.</summary>
    public RankerBuilder Use(Func<IResponseRanker, IServiceProvider, IResponseRanker> layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        _layers.Add(layer);
        return this;
    }

    /// <summary>Adds a decorator.</summary>
    public RankerBuilder Use(Func<IResponseRanker, IResponseRanker> layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        return Use((inner, _) => layer(inner));
    }

    /// <summary>Remembers rankings in memory (<see cref="CachingRanker"/>).</summary>
    public RankerBuilder UseCache(int capacity = 100_000) => Use(inner => new CachingRanker(inner, capacity));

    /// <summary>Keeps finished rankings on disk (<see cref="JournalingRanker"/>).</summary>
    public RankerBuilder UseJournal(RankingJournal journal, string version) => Use(inner => new JournalingRanker(inner, journal, version));

    /// <summary>Logs each row (<see cref="LoggingRanker"/>); the logger comes from the services unless one is given.</summary>
    public RankerBuilder UseLogging(ILogger? logger = null) => Use((inner, services) => new LoggingRanker(
        inner, logger ?? (services.GetService(typeof(ILogger<LoggingRanker>)) as ILogger)
            ?? NullLogger.Instance, services.GetService(typeof(TimeProvider)) as TimeProvider));

    /// <summary>Shows candidates in several orders (<see cref="PermutationRanker"/>).</summary>
    public RankerBuilder UsePermutations(PermutationOptions? options = null) => Use(inner => new PermutationRanker(inner, options));

    /// <summary>Rejects or ties what repeated judgments disagree on (<see cref="ConsistencyFilter"/>); goes before
    /// <see cref="UsePermutations"/> or <see cref="UseEnsemble"/>.</summary>
    public RankerBuilder UseConsistencyFilter(double minConsistency = 0, double minPairSupport = 0) =>
        Use(inner => new ConsistencyFilter(inner, minConsistency, minPairSupport));

    /// <summary>Asks others too and makes one ranking of all (<see cref="EnsembleRanker"/>).</summary>
    public RankerBuilder UseEnsemble(IEnumerable<IResponseRanker> others, IRankAggregator? aggregator = null, int? minSuccesses = null) =>
        Use(inner => new EnsembleRanker([inner, .. others], aggregator, minSuccesses));

    /// <summary>Asks another about the rows that fail (<see cref="FallbackRanker"/>).</summary>
    public RankerBuilder UseFallback(IResponseRanker fallback, Func<RankingException, bool>? when = null) =>
        Use(inner => new FallbackRanker(inner, fallback, when));

    /// <summary>Makes the ranker.</summary>
    /// <param name="services">The application's services; none when null.</param>
    public IResponseRanker Build(IServiceProvider? services = null)
    {
        services ??= NoServices.Instance;
        IResponseRanker ranker = _inner(services);
        for (int i = _layers.Count - 1; i >= 0; i--)
            ranker = _layers[i](ranker, services) ?? throw new InvalidOperationException($"Layer {i} of the ranker gave null.");
        return ranker;
    }

    private sealed class NoServices : IServiceProvider
    {
        public static NoServices Instance { get; } = new();

        public object? GetService(Type serviceType) => null;
    }
}
