using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Chat.Resilience;

namespace Tuna.Chat;

/// <summary>Puts a journal, retries, a budget and limits before a chat client, one by one or all in the order that makes sense.</summary>
/// <remarks>As with every <see cref="ChatClientBuilder"/>, what is added first stands outermost.</remarks>
public static class ChatClientBuilderExtensions
{
    /// <summary>Adds journal, retries, budget and counters, limits, traces, and the time limit, in this order.</summary>
    /// <remarks>
    /// What is in the journal costs nothing and waits for nothing; every try is counted and takes its turn; waiting for a turn is no part
    /// of its time. The clock and the loggers come from the services that the client is built with.
    /// </remarks>
    /// <param name="builder">The builder of chat clients.</param>
    /// <param name="options">What stands between the caller and the service.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of range; names it.</exception>
    public static ChatClientBuilder UseCallPipeline(this ChatClientBuilder builder, CallPipelineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        options ??= new CallPipelineOptions();
        options.Validate();
        if (options.Journal is { } journal)
            builder.UseJournal(journal);
        return builder.UseResilience(options.Resilience).UseBudget(options.Budget).UseThrottle(options.Throttle)
            .UseTelemetry(options.TraceTexts).UseTimeLimit(options.CallTimeout, options.CancellationGrace);
    }

    /// <summary>Answers from a journal what was asked before, and writes down every new reply before anyone sees it.</summary>
    /// <remarks>
    /// Stands outermost, so that nothing that is known is retried, throttled or paid. The same call made twice at once is sent once. A
    /// reply that was cut off is asked again when the limit of its length has changed. Text replies only.
    /// </remarks>
    /// <param name="builder">The builder of chat clients.</param>
    /// <param name="journal">The journal; it stays the caller's to dispose, after the last call.</param>
    public static ChatClientBuilder UseJournal(this ChatClientBuilder builder, CallJournal journal)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(journal);
        return builder.Use(inner => new JournalingChatClient(inner, journal));
    }

    /// <summary>Repeats calls that may succeed later: exponential back-off with seeded jitter, Retry-After honoured.</summary>
    /// <remarks>
    /// Failures come out as <see cref="Errors.CallFailedException"/>, which says what they mean. Turn off the retries of the client's own
    /// package, or they multiply. Each retry is logged at Warning, without texts.
    /// </remarks>
    /// <param name="builder">The builder of chat clients.</param>
    /// <param name="options">Settings; read once.</param>
    public static ChatClientBuilder UseResilience(this ChatClientBuilder builder, ResilienceOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Use((inner, services) =>
            new ResilientChatClient(inner, options, Time(services), Logger<ResilientChatClient>(services)));
    }

    /// <summary>Counts every try that reaches the service, stamps its cost on the response (<see cref="CallUsage"/>) and holds it to a
    /// budget.</summary>
    /// <remarks>Stands between the retries and the service, so that each try is seen.</remarks>
    /// <param name="builder">The builder of chat clients.</param>
    /// <param name="budget">What may be spent, and what was; shared by all clients that draw on it.</param>
    public static ChatClientBuilder UseBudget(this ChatClientBuilder builder, CallBudget budget)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(budget);
        return builder.Use(inner => new MeteredChatClient(inner, budget));
    }

    /// <summary>Keeps calls within a service's limits: so many at once, so many calls and tokens a minute. Calls wait their turn, oldest
    /// first.</summary>
    /// <remarks>
    /// Token limits are kept with an estimate beforehand; what a reply took beyond it is paid by the next call. Stands inside the retries,
    /// so that a repeated call takes its turn again.
    /// </remarks>
    /// <param name="builder">The builder of chat clients.</param>
    /// <param name="options">Settings; read once.</param>
    public static ChatClientBuilder UseThrottle(this ChatClientBuilder builder, ThrottleOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Use(inner => new ThrottledChatClient(inner, options));
    }

    /// <summary>Ends a call that takes too long with a <see cref="TimeoutException"/>, and lets one that was sent finish when its caller
    /// cancels, since it is paid for.</summary>
    /// <remarks>Stands next to the service, inside the limits, so that waiting for a turn is not counted.</remarks>
    /// <param name="builder">The builder of chat clients.</param>
    /// <param name="limit">How long a call may take, above 0; <see cref="Timeout.InfiniteTimeSpan"/> for no limit.</param>
    /// <param name="grace">How long a call may still take when it is cancelled, at least 0: by default none.</param>
    public static ChatClientBuilder UseTimeLimit(this ChatClientBuilder builder, TimeSpan limit, TimeSpan grace = default)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Use((inner, services) => new TimeLimitedChatClient(inner, limit, grace, Time(services)));
    }

    /// <summary>Traces every try that reaches the service, and counts its time and tokens, by the semantic conventions of generative AI,
    /// under <see cref="TunaTelemetry.Name"/>.</summary>
    /// <remarks>Stands inside the limits, so that waiting for a turn is no part of a call. Costs next to nothing where nobody
    /// listens.</remarks>
    /// <param name="builder">The builder of chat clients.</param>
    /// <param name="traceTexts">Whether prompts and replies go into the traces; not even the environment's variable of that purpose
    /// does it otherwise.</param>
    public static ChatClientBuilder UseTelemetry(this ChatClientBuilder builder, bool traceTexts = false)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.UseOpenTelemetry(sourceName: TunaTelemetry.Name, configure: client => client.EnableSensitiveData = traceTexts);
    }

    private static TimeProvider? Time(IServiceProvider services) => services.GetService(typeof(TimeProvider)) as TimeProvider;

    private static ILogger<T>? Logger<T>(IServiceProvider services) =>
        (services.GetService(typeof(ILoggerFactory)) as ILoggerFactory)?.CreateLogger<T>();
}
