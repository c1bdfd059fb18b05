using System.Text.Json;
using System.Xml.Linq;
using Tuna.Data;
using Tuna.Evaluation.Reports;

namespace Tuna.Evaluation.Tests.Reports;

public class StatisticsReportTests
{
    private static readonly RankedExample[] Rows =
    [
        new() { Id = "1", Instruction = "Ask.", Outputs = ["aaaa", "bb", "c"], Scores = [3, 1, 1], Models = ["x", "y", "z"],
            Reference = "r" },
        new() { Id = "2", Instruction = "ask", Outputs = ["dddd", "ee", "ee", " "], Scores = [1, 2, null, 0],
            Models = ["x", "y", null, "z"] },
        new() { Id = "3", Instruction = "other", Outputs = ["f"] },
    ];

    [Fact]
    public void ToText_AndToSvg_NameWhatTheyShow()
    {
        RankedStatistics s = RankedStatistics.Of(Rows);
        string text = s.ToText();
        Assert.Contains("longest is best", text);
        Assert.Matches("(?m)^x +2 +2 +1.50", text);
        string svg = s.ToSvg("file <x>");
        Assert.Equal(7, XElement.Parse(svg).Elements("{http://www.w3.org/2000/svg}svg").Count());
        Assert.Contains("Duplicates, ties and gaps", svg);
        Assert.Contains("Mean score by model", svg);
    }

    [Fact]
    public void ToJson_Rows_HoldsTheNumbersAndNullForNone()
    {
        JsonElement json = JsonDocument.Parse(RankedStatistics.Of(Rows).ToJson()).RootElement;
        Assert.Equal(3, json.GetProperty("rows").GetInt32());
        Assert.Equal(1.5, json.GetProperty("models").GetProperty("x").GetProperty("mean_rank").GetDouble());
        Assert.Equal(JsonValueKind.Null,
            JsonDocument.Parse(RankedStatistics.Of([]).ToJson()).RootElement.GetProperty("longest_is_best").ValueKind);
    }

    [Fact]
    public void ToText_NoRows_IsStillText()
    {
        RankedStatistics s = RankedStatistics.Of([]);
        Assert.Contains("rows", s.ToText());
        XElement.Parse(s.ToSvg());
    }
}
