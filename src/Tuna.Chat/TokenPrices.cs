namespace Tuna.Chat;

/// <summary>What a model's tokens cost.</summary>
/// <param name="InputPerMillion">Price of a million prompt tokens, in any currency, at least 0.</param>
/// <param name="OutputPerMillion">Price of a million completion tokens, in the same currency, at least 0.</param>
public sealed record TokenPrices(decimal InputPerMillion, decimal OutputPerMillion)
{
    /// <summary>No prices: every cost is 0.</summary>
    public static TokenPrices None { get; } = new(0, 0);

    /// <summary>The cost of so many tokens.</summary>
    public decimal CostOf(long inputTokens, long outputTokens) =>
        ((inputTokens * InputPerMillion) + (outputTokens * OutputPerMillion)) / 1_000_000m;
}
