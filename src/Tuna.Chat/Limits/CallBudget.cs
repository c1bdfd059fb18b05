using System.Globalization;

namespace Tuna.Chat.Limits;

/// <summary>What a run may spend, and what it has spent. Shared by all clients that draw on it; thread-safe.</summary>
/// <remarks>
/// A call reserves the most it can cost before it is sent and settles afterwards, so a run stops short of its limits, not beyond them
/// (prompt lengths are estimated beforehand, so within the error of that estimate). A call that does not fit beside those under way waits
/// until they have settled: only what was really spent ends a run. A call that fails costs nothing here, since the service gives no bill
/// for it.
/// </remarks>
public sealed class CallBudget
{
    private readonly Lock _lock = new();
    private readonly long? _maxTokens;
    private readonly decimal? _maxCost;
    private readonly TokenPrices _prices;
    private readonly BudgetLedger? _ledger;
    private TaskCompletionSource _settled = NewSignal();
    private long _callsUnderWay;
    private long _reservedTokens;
    private decimal _reservedCost;
    private CallUsage _spent;

    /// <summary>Creates a budget.</summary>
    /// <param name="maxTokens">Most tokens, prompt and completion together; null for no limit.</param>
    /// <param name="maxCost">Most money, in the price table's currency; null for no limit.</param>
    /// <param name="prices">What tokens cost.</param>
    /// <param name="alreadySpent">What earlier runs spent of it.</param>
    /// <param name="ledger">Where several processes keep the budget together, what earlier runs spent included; the limits then hold for
    /// all of them, and <see cref="Spent"/> stays what this process and its earlier runs spent. Null for a budget of this process
    /// alone.</param>
    public CallBudget(long? maxTokens = null, decimal? maxCost = null, TokenPrices? prices = null, CallUsage? alreadySpent = null,
        BudgetLedger? ledger = null)
    {
        if (maxTokens is < 0)
            throw new ArgumentOutOfRangeException(nameof(maxTokens), maxTokens, "At least 0.");
        if (maxCost is < 0)
            throw new ArgumentOutOfRangeException(nameof(maxCost), maxCost, "At least 0.");
        if (maxCost is not null && (prices is null || prices == TokenPrices.None))
            throw new ArgumentException("A budget in money needs the prices of tokens.", nameof(prices));
        _maxTokens = maxTokens;
        _maxCost = maxCost;
        _prices = prices ?? TokenPrices.None;
        _spent = alreadySpent ?? CallUsage.None;
        _ledger = ledger;
    }

    /// <summary>What tokens cost.</summary>
    public TokenPrices Prices => _prices;

    /// <summary>What has been spent.</summary>
    public CallUsage Spent
    {
        get
        {
            lock (_lock)
                return _spent;
        }
    }

    /// <summary>Sets aside the most that a call can cost; waits while only calls under way stand against it.</summary>
    /// <returns>What to settle it by.</returns>
    /// <exception cref="BudgetExhaustedException">It does not fit into what is left, with every other call settled.</exception>
    internal async Task<CallReservation> ReserveAsync(long inputTokens, long outputTokens, CancellationToken cancellationToken)
    {
        decimal cost = _prices.CostOf(inputTokens, outputTokens);
        if (_ledger is not null)
            return new(inputTokens, outputTokens, await _ledger.ReserveAsync(inputTokens + outputTokens, cost, _maxTokens, _maxCost,
                cancellationToken).ConfigureAwait(false));
        while (true)
        {
            Task settled;
            lock (_lock)
            {
                if (Fits(inputTokens + outputTokens, cost))
                {
                    _callsUnderWay++;
                    _reservedTokens += inputTokens + outputTokens;
                    _reservedCost += cost;
                    return new(inputTokens, outputTokens, Claim: 0);
                }

                if (_callsUnderWay == 0)
                    throw new BudgetExhaustedException(Explain(inputTokens + outputTokens, cost));
                settled = _settled.Task;
            }

            await settled.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Gives a reservation back and books what was really used.</summary>
    internal async Task SettleAsync(CallReservation reserved, CallUsage used)
    {
        if (_ledger is not null)
        {
            lock (_lock)
                _spent = _spent.Add(used);
            await _ledger.SettleAsync(reserved.Claim, used).ConfigureAwait(false);
            return;
        }

        TaskCompletionSource signal;
        lock (_lock)
        {
            _callsUnderWay--;
            _reservedTokens -= reserved.InputTokens + reserved.OutputTokens;
            _reservedCost -= _prices.CostOf(reserved.InputTokens, reserved.OutputTokens);
            _spent = _spent.Add(used);
            signal = _settled;
            _settled = NewSignal();
        }

        signal.SetResult();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool Fits(long tokens, decimal cost) =>
        !(_spent.InputTokens + _spent.OutputTokens + _reservedTokens + tokens > _maxTokens)
            && !(_spent.Cost + _reservedCost + cost > _maxCost);

    private string Explain(long tokens, decimal cost)
    {
        long used = _spent.InputTokens + _spent.OutputTokens;
        return used + tokens > _maxTokens
            ? $"The budget of {_maxTokens} tokens does not cover another call: {used} are spent, {Math.Max(0, _maxTokens.Value - used)} "
                + $"are left, and this call may need up to {tokens}."
            : string.Create(
                CultureInfo.InvariantCulture,
                $"The budget of {_maxCost} does not cover another call: {_spent.Cost:0.######} is spent, "
                    + $"{Math.Max(0, _maxCost!.Value - _spent.Cost):0.######} is left, and this call may cost up to {cost:0.######}.");
    }
}

/// <summary>What a budget has set aside for a call.</summary>
/// <param name="InputTokens">Prompt tokens.</param>
/// <param name="OutputTokens">Most completion tokens.</param>
/// <param name="Claim">Its number in the ledger, where there is one.</param>
internal readonly record struct CallReservation(long InputTokens, long OutputTokens, long Claim);

/// <summary>The budget does not allow another call.</summary>
public sealed class BudgetExhaustedException(string message) : Exception(message);
