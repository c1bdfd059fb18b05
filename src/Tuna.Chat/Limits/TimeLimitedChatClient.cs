using Microsoft.Extensions.AI;

namespace Tuna.Chat.Limits;

/// <summary>Ends a call that takes too long with a <see cref="TimeoutException"/>, and lets one that was sent finish when its caller
/// cancels.</summary>
/// <remarks>
/// Stands next to the service, inside the limits, so that waiting for a turn is not counted. A call that was sent is paid for: cancelling
/// ends it only after a grace period, so that its reply is not lost.
/// </remarks>
internal sealed class TimeLimitedChatClient : CallDecorator
{
    private readonly TimeSpan _limit;
    private readonly TimeSpan _grace;
    private readonly TimeProvider _time;

    /// <summary>Creates the client.</summary>
    /// <param name="inner">The client whose calls are limited.</param>
    /// <param name="limit">How long a call may take, above 0; <see cref="Timeout.InfiniteTimeSpan"/> for no limit.</param>
    /// <param name="grace">How long a call may still take when it is cancelled, at least 0: by default none.</param>
    /// <param name="timeProvider">The clock; the system's when null.</param>
    public TimeLimitedChatClient(IChatClient inner, TimeSpan limit, TimeSpan grace = default, TimeProvider? timeProvider = null)
        : base(inner)
    {
        if (limit <= TimeSpan.Zero && limit != Timeout.InfiniteTimeSpan)
            throw new ArgumentOutOfRangeException(nameof(limit), limit, "Above 0, or infinite.");
        ArgumentOutOfRangeException.ThrowIfLessThan(grace, TimeSpan.Zero);
        _limit = limit;
        _grace = grace;
        _time = timeProvider ?? TimeProvider.System;
    }

    /// <inheritdoc/>
    public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var timeout = new CancellationTokenSource(_limit, _time);
        using var cancelled = new CancellationTokenSource(Timeout.InfiniteTimeSpan, _time);
        using CancellationTokenRegistration grace = cancellationToken.UnsafeRegister(_ => cancelled.CancelAfter(_grace), null);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancelled.Token, timeout.Token);
        try
        {
            return await base.GetResponseAsync(messages, options, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (timeout.IsCancellationRequested && !cancelled.IsCancellationRequested)
        {
            throw new TimeoutException($"The service did not answer within {_limit.TotalSeconds} s.", e);
        }
    }
}
