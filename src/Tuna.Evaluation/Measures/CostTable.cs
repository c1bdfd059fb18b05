using System.Text.Json;
using Tuna.Chat;
using Tuna.Chat.Journaling;
using Tuna.Data;

namespace Tuna.Evaluation.Measures;

/// <summary>What the calls of a run cost, by model and prompt, and per 1,000 examples (the paper's Appendix B).</summary>
/// <param name="Lines">One line per model and prompt version.</param>
/// <param name="Issues">Models without a price, and calls without a token count.</param>
public sealed record CostTable(IReadOnlyList<CostLine> Lines, IReadOnlyList<string> Issues)
{
    /// <summary>The cost of all lines, in the price file's currency.</summary>
    public decimal Total => Lines.Sum(line => line.Cost);

    /// <summary>Counts recorded calls.</summary>
    /// <param name="calls">The calls, such as <see cref="CallJournal.Calls"/>.</param>
    /// <param name="prices">What tokens cost.</param>
    public static CostTable Of(IEnumerable<JournaledCall> calls, PriceFile prices)
    {
        ArgumentNullException.ThrowIfNull(calls);
        ArgumentNullException.ThrowIfNull(prices);
        var issues = new List<string>();
        var lines = new List<CostLine>();
        foreach (var group in calls.GroupBy(call => (Model: call.Model ?? call.ReplyModel ?? "", Prompt: call.PromptVersion ?? ""))
            .OrderBy(group => group.Key))
        {
            TokenPrices? price = prices.Find(group.Key.Model);
            if (price is null)
                issues.Add($"model '{group.Key.Model}' has no price; its calls count as free. Add it to the price file.");
            int uncounted = group.Count(call => call.InputTokens == 0 && call.OutputTokens == 0);
            if (uncounted > 0)
                issues.Add(
                    $"model '{group.Key.Model}': {uncounted} calls have no token count; the service did not report their usage, and they "
                    + $"count as free.");
            long input = group.Sum(call => call.InputTokens), output = group.Sum(call => call.OutputTokens);
            int examples = group.Select(call => call.Row ?? call.Key).Distinct(StringComparer.Ordinal).Count();
            lines.Add(new CostLine(group.Key.Model, group.Key.Prompt, examples, group.Count(), input, output,
                (price ?? TokenPrices.None).CostOf(input, output)));
        }

        return new CostTable(lines, issues);
    }
}

/// <summary>One line of a <see cref="CostTable"/>.</summary>
/// <param name="Model">The model.</param>
/// <param name="Prompt">The prompt's version.</param>
/// <param name="Examples">Different rows that were asked about.</param>
/// <param name="Calls">Calls.</param>
/// <param name="InputTokens">Prompt tokens.</param>
/// <param name="OutputTokens">Completion tokens.</param>
/// <param name="Cost">Their cost, in the price file's currency.</param>
public sealed record CostLine(string Model, string Prompt, int Examples, int Calls, long InputTokens, long OutputTokens, decimal Cost)
{
    /// <summary>Cost of 1,000 examples.</summary>
    public decimal CostPerThousandExamples => Cost / Examples * 1000;

    /// <summary>Mean prompt tokens of an example.</summary>
    public double InputTokensPerExample => (double)InputTokens / Examples;

    /// <summary>Mean completion tokens of an example.</summary>
    public double OutputTokensPerExample => (double)OutputTokens / Examples;
}

/// <summary>Prices of models: a JSON object from model id to <c>input_per_million</c> and <c>output_per_million</c>, with an optional
/// <c>currency</c> beside them.</summary>
public sealed class PriceFile
{
    private readonly Dictionary<string, TokenPrices> _prices;

    /// <summary>Creates a price list.</summary>
    public PriceFile(IReadOnlyDictionary<string, TokenPrices> prices, string currency = "")
    {
        ArgumentNullException.ThrowIfNull(prices);
        _prices = new Dictionary<string, TokenPrices>(prices, StringComparer.Ordinal);
        Currency = currency;
    }

    /// <summary>The currency's name; "" when the file names none.</summary>
    public string Currency { get; }

    /// <summary>The price of a model, or null.</summary>
    public TokenPrices? Find(string model) => _prices.GetValueOrDefault(model);

    /// <summary>Reads a price file, for example <c>{"currency": "USD", "gpt-4": {"input_per_million": 30, "output_per_million":
    /// 60}}</c>.</summary>
    /// <exception cref="DataFormatException">A price is missing or negative; the message names file and model.</exception>
    public static PriceFile Load(string path)
    {
        DataPlace place = DataPlace.Whole(path);
        using JsonDocument document = JsonFile.Parse(path);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new DataFormatException("expected an object from model to prices.", place);
        var prices = new Dictionary<string, TokenPrices>(StringComparer.Ordinal);
        string currency = "";
        foreach (JsonProperty entry in document.RootElement.EnumerateObject())
        {
            if (entry.Name == "currency" && entry.Value.ValueKind == JsonValueKind.String)
                currency = entry.Value.GetString()!;
            else
                prices[entry.Name] = new TokenPrices(Price(entry.Value, "input_per_million", place, entry.Name),
                    Price(entry.Value, "output_per_million", place, entry.Name));
        }

        return new PriceFile(prices, currency);
    }

    private static decimal Price(JsonElement model, string key, DataPlace place, string name) =>
        JsonFile.Member(model, key, JsonValueKind.Number, place, name).TryGetDecimal(out decimal price) && price >= 0
            ? price
            : throw new DataFormatException("a price is a number, at least 0.", place, key, name);
}
