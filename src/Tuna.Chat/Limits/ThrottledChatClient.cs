using System.Threading.RateLimiting;
using Microsoft.Extensions.AI;

namespace Tuna.Chat.Limits;

/// <summary>Keeps calls within a service's limits: so many at once, so many calls and tokens a minute. Calls wait their turn, oldest
/// first.</summary>
/// <remarks>
/// Token limits are kept with an estimate beforehand; what a reply took beyond it is paid by the next call. Stands inside the retries, so
/// that a repeated call takes its turn again.
/// </remarks>
internal sealed class ThrottledChatClient : CallDecorator
{
    private readonly ConcurrencyLimiter _concurrency;
    private readonly TokenBucketRateLimiter? _requests;
    private readonly TokenBucketRateLimiter? _tokens;
    private readonly int _tokenBurst;
    private readonly int _expectedOutput;
    private long _tokenDebt;

    /// <summary>Creates the client.</summary>
    /// <param name="inner">The client that is throttled.</param>
    /// <param name="options">Settings; read once, here.</param>
    public ThrottledChatClient(IChatClient inner, ThrottleOptions? options = null)
        : base(inner)
    {
        options ??= new ThrottleOptions();
        options.Validate();
        _expectedOutput = options.ExpectedOutputTokens;
        _concurrency = new ConcurrencyLimiter(new ConcurrencyLimiterOptions
        {
            PermitLimit = options.MaxConcurrentCalls,
            QueueLimit = int.MaxValue,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
        });
        if (options.RequestsPerMinute is { } requests)
            _requests = Bucket(requests, Burst(requests));
        if (options.TokensPerMinute is { } tokens)
            _tokens = Bucket(tokens, _tokenBurst = Burst(tokens));
    }

    /// <inheritdoc/>
    public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        IReadOnlyList<ChatMessage> kept = [.. messages];
        if (_requests is not null)
            (await _requests.AcquireAsync(1, cancellationToken).ConfigureAwait(false)).Dispose();
        long estimate = TokenEstimate.Input(kept) + _expectedOutput;
        if (_tokens is not null)
            await TakeTokensAsync(estimate + Interlocked.Exchange(ref _tokenDebt, 0), cancellationToken).ConfigureAwait(false);
        using RateLimitLease lease = await _concurrency.AcquireAsync(1, cancellationToken).ConfigureAwait(false);
        ChatResponse response = await base.GetResponseAsync(kept, options, cancellationToken).ConfigureAwait(false);
        long used = (response.Usage?.InputTokenCount ?? 0) + (response.Usage?.OutputTokenCount ?? 0);
        if (used > estimate)
            Interlocked.Add(ref _tokenDebt, used - estimate);
        return response;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _concurrency.Dispose();
            _requests?.Dispose();
            _tokens?.Dispose();
        }

        base.Dispose(disposing);
    }

    private async Task TakeTokensAsync(long count, CancellationToken cancellationToken)
    {
        // A bucket never holds more than its burst, so more is taken in parts.
        for (; count > 0; count -= _tokenBurst)
            (await _tokens!.AcquireAsync((int)Math.Min(count, _tokenBurst), cancellationToken).ConfigureAwait(false)).Dispose();
    }

    // A second's worth at once.
    private static int Burst(int perMinute) => Math.Max(1, perMinute / 60);

    private static TokenBucketRateLimiter Bucket(int perMinute, int burst)
    {
        // What may come at once is taken off the rate, so that no minute sees more than its limit. A tenth of a second is fine enough for
        // high rates; low rates get one permit at a time.
        const int TenthsPerMinute = 600;
        int rate = Math.Max(1, perMinute - burst);
        bool low = rate < TenthsPerMinute;
        return new TokenBucketRateLimiter(new TokenBucketRateLimiterOptions
        {
            TokenLimit = burst,
            TokensPerPeriod = low ? 1 : rate / TenthsPerMinute,
            ReplenishmentPeriod = low ? TimeSpan.FromMinutes(1.0 / rate) : TimeSpan.FromMilliseconds(100),
            QueueLimit = int.MaxValue,
            QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
            AutoReplenishment = true,
        });
    }
}
