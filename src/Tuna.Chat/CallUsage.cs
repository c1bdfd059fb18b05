using Microsoft.Extensions.AI;
using Tuna.Chat.Limits;

namespace Tuna.Chat;

/// <summary>What calls to a service cost. Stamped on a response once, by what stands next to the service, and read by whoever
/// asked.</summary>
/// <param name="Calls">Calls that the service answered.</param>
/// <param name="InputTokens">Prompt tokens billed.</param>
/// <param name="OutputTokens">Completion tokens billed.</param>
/// <param name="Cost">Money, in the price table's currency; 0 when no prices were given.</param>
/// <param name="Estimated">Whether some of the tokens are an estimate, because the service did not report its usage.</param>
public sealed record CallUsage(int Calls, long InputTokens, long OutputTokens, decimal Cost = 0, bool Estimated = false)
{
    private const string Key = "tuna.call_usage";

    /// <summary>Nothing was spent.</summary>
    public static CallUsage None { get; } = new(0, 0, 0);

    /// <summary>What a response cost: its stamp, or what the service reported, without a price, when nothing stamped it.</summary>
    /// <param name="response">A response; one that was replayed from a journal cost nothing.</param>
    public static CallUsage Of(ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return response.AdditionalProperties?.TryGetValue(Key, out object? value) == true && value is CallUsage stamped
            ? stamped
            : new CallUsage(1, response.Usage?.InputTokenCount ?? 0, response.Usage?.OutputTokenCount ?? 0);
    }

    /// <summary>Adds two usages.</summary>
    public CallUsage Add(CallUsage other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new(Calls + other.Calls, InputTokens + other.InputTokens, OutputTokens + other.OutputTokens, Cost + other.Cost, Estimated
            || other.Estimated);
    }

    /// <summary>What was spent since an earlier moment of the same count.</summary>
    public CallUsage Since(CallUsage earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        return new(Calls - earlier.Calls, InputTokens - earlier.InputTokens, OutputTokens - earlier.OutputTokens, Cost - earlier.Cost,
            Estimated);
    }

    /// <summary>Lets a response carry its usage, in place of any it carried.</summary>
    public void AttachTo(ChatResponse response)
    {
        ArgumentNullException.ThrowIfNull(response);
        (response.AdditionalProperties ??= [])[Key] = this;
    }

    /// <summary>What a fresh reply cost. A service that reports no usage is billed by estimate, or a budget would never end.</summary>
    internal static CallUsage Measure(IEnumerable<ChatMessage> messages, ChatResponse response, TokenPrices prices)
    {
        long input = Math.Max(0, response.Usage?.InputTokenCount ?? 0);
        long output = Math.Max(0, response.Usage?.OutputTokenCount ?? 0);
        bool estimated = input == 0 && output == 0 && response.Text.Length > 0;
        if (estimated)
            (input, output) = (TokenEstimate.Input(messages), TokenEstimate.Text(response.Text));
        return new CallUsage(1, input, output, prices.CostOf(input, output), estimated);
    }
}
