using System.Text.Json;

namespace Tuna.Chat.Limits;

/// <summary>What the lines of a ledger add up to.</summary>
internal sealed class LedgerState
{
    private readonly Dictionary<long, LedgerClaim> _open = [];
    private readonly HashSet<string> _sources = new(StringComparer.Ordinal);

    /// <summary>What calls have used, those of before the ledger included.</summary>
    public CallUsage Spent { get; private set; } = CallUsage.None;

    /// <summary>Tokens set aside by processes that died: what their calls may have used.</summary>
    public long LostTokens { get; private set; }

    /// <summary>The same in money.</summary>
    public decimal LostCost { get; private set; }

    public int Holders { get; private set; }

    public long Claims { get; private set; }

    /// <summary>What is set aside for calls under way.</summary>
    public IReadOnlyDictionary<long, LedgerClaim> Open => _open;

    public long OpenTokens { get; private set; }

    public decimal OpenCost { get; private set; }

    /// <summary>All that is gone for good.</summary>
    public long UsedTokens => Spent.InputTokens + Spent.OutputTokens + LostTokens;

    public decimal UsedCost => Spent.Cost + LostCost;

    public bool Knows(string source) => _sources.Contains(source);

    /// <summary>Adds a line.</summary>
    /// <exception cref="FormatException">It says nothing, or contradicts the lines before it.</exception>
    public void Apply(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            Apply(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FormatException(e.Message, e);
        }
    }

    private void Apply(JsonElement line)
    {
        if (line.TryGetProperty("join", out JsonElement join))
        {
            Require(join.GetInt32() == Holders, "holders are numbered in their order");
            Holders++;
        }
        else if (line.TryGetProperty("brought", out JsonElement source))
        {
            Require(_sources.Add(source.GetString()!), "what a journal brings is counted once");
            Spent = Spent.Add(Usage(line));
        }
        else if (line.TryGetProperty("claim", out JsonElement claim))
        {
            Require(claim.GetInt64() == Claims, "claims are numbered in their order");
            var made = new LedgerClaim(line.GetProperty("by").GetInt32(), line.GetProperty("tokens").GetInt64(),
                line.GetProperty("cost").GetDecimal());
            Require(made.By >= 0 && made.By < Holders && made.Tokens >= 0 && made.Cost >= 0, "a claim is a holder's and not negative");
            _open.Add(Claims++, made);
            OpenTokens += made.Tokens;
            OpenCost += made.Cost;
        }
        else if (line.TryGetProperty("settle", out JsonElement settled))
        {
            Close(settled.GetInt64());
            Spent = Spent.Add(Usage(line));
        }
        else
        {
            LedgerClaim lost = Close(line.GetProperty("lost").GetInt64());
            LostTokens += lost.Tokens;
            LostCost += lost.Cost;
        }
    }

    private LedgerClaim Close(long number)
    {
        Require(_open.Remove(number, out LedgerClaim? claim), "only an open claim is settled");
        OpenTokens -= claim!.Tokens;
        OpenCost -= claim.Cost;
        return claim;
    }

    private static CallUsage Usage(JsonElement line)
    {
        var usage = new CallUsage(line.GetProperty("calls").GetInt32(), line.GetProperty("input").GetInt64(),
            line.GetProperty("output").GetInt64(), line.GetProperty("cost").GetDecimal());
        Require(usage is { Calls: >= 0, InputTokens: >= 0, OutputTokens: >= 0, Cost: >= 0 }, "what is spent is not negative");
        return usage;
    }

    private static void Require(bool holds, string rule)
    {
        if (!holds)
            throw new FormatException($"it breaks a rule: {rule}.");
    }
}

/// <summary>What a process has set aside for a call.</summary>
/// <param name="By">The holder's number.</param>
/// <param name="Tokens">The most tokens that the call can use.</param>
/// <param name="Cost">The most that it can cost.</param>
internal sealed record LedgerClaim(int By, long Tokens, decimal Cost);
