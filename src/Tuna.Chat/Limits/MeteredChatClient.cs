using Microsoft.Extensions.AI;
using Tuna.Chat.Errors;

namespace Tuna.Chat.Limits;

/// <summary>Counts every try that reaches the service, stamps its cost on the response and holds it to the budget.</summary>
internal sealed class MeteredChatClient(IChatClient inner, CallBudget budget) : CallDecorator(inner)
{
    private readonly CallBudget _budget = budget ?? throw new ArgumentNullException(nameof(budget));

    /// <inheritdoc/>
    public override async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        IReadOnlyList<ChatMessage> kept = [.. messages];
        long input = TokenEstimate.Input(kept), output = TokenEstimate.MaxOutput(options);
        await _budget.ReserveAsync(input, output, cancellationToken).ConfigureAwait(false);
        CallUsage used = CallUsage.None;
        try
        {
            ChatResponse response = await base.GetResponseAsync(kept, options, cancellationToken).ConfigureAwait(false);
            used = CallUsage.Measure(kept, response, _budget.Prices);
            used.AttachTo(response);
            ChatMetrics.Calls.Add(1);
            ChatMetrics.Cost.Add((double)used.Cost);
            return response;
        }
        catch (ChatServiceException e) when (e.Answer is not null)
        {
            // Answered, so billed, though not understood.
            long replied = e.Error.Code == ServiceError.TooLarge ? output : Math.Min(output, TokenEstimate.Text(e.Answer));
            used = e.Usage = new CallUsage(1, input, replied, _budget.Prices.CostOf(input, replied), Estimated: true);
            ChatMetrics.FailedCalls.Add(1);
            throw;
        }
        catch
        {
            ChatMetrics.FailedCalls.Add(1);
            throw;
        }
        finally
        {
            _budget.Settle(input, output, used);
        }
    }
}
