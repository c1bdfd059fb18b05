using Tuna.Chat.Journaling;
using Tuna.Data;
using Tuna.Evaluation.Measures;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.Measures;

public sealed class CostTableTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Of_RecordedCalls_CostPerThousandExamples()
    {
        PriceFile prices = PriceFile.Load(
            _folder.Write("prices.json", """{"currency": "USD", "gpt-4": {"input_per_million": 30, "output_per_million": 60}}"""));
        JournaledCall[] calls =
        [
            Call("k1", "r1", "gpt-4", 1000, 100),
            Call("k2", "r1", "gpt-4", 1000, 300), // the same row asked again
            Call("k3", "r2", "gpt-4", 2000, 200),
            Call("k4", "r1", "free", 10, 10),
            Call("k5", "r2", "gpt-4", 0, 0),
        ];
        CostTable table = CostTable.Of(calls, prices);
        Assert.Equal("USD", prices.Currency);
        CostLine line = table.Lines[1];
        Assert.Equal((2, 4, 4000L, 600L), (line.Examples, line.Calls, line.InputTokens, line.OutputTokens));
        Assert.Equal(0.156m, line.Cost); // 4000 * 30 / 10^6 + 600 * 60 / 10^6
        Assert.Equal(78m, line.CostPerThousandExamples);
        Assert.Equal((2000.0, 300.0), (line.InputTokensPerExample, line.OutputTokensPerExample));
        Assert.Equal(0.156m, table.Total);
        Assert.Contains(table.Issues, issue => issue.Contains("'free' has no price", StringComparison.Ordinal));
        Assert.Contains(table.Issues, issue => issue.Contains("1 calls have no token count", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("""{"m": {"input_per_million": 1}}""", "id 'm', key 'output_per_million'")]
    [InlineData("""{"m": {"input_per_million": -1, "output_per_million": 1}}""", "id 'm', key 'input_per_million'")]
    [InlineData("[]", "expected an object")]
    public void Load_BadPrices_AreNamed(string json, string expected)
    {
        string path = _folder.Write("prices.json", json);
        string message = Assert.Throws<DataFormatException>(() => PriceFile.Load(path)).Message;
        Assert.Contains(expected, message, StringComparison.Ordinal);
        Assert.Contains("prices.json", message, StringComparison.Ordinal);
    }

    private static JournaledCall Call(string key, string row, string model, long input, long output) =>
        new() { Key = key, Row = row, Model = model, PromptVersion = "p", Reply = "x", InputTokens = input, OutputTokens = output };
}
