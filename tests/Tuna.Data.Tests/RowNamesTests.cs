using Tuna.Testing;

namespace Tuna.Data.Tests;

/// <summary>Names of fields that are no text, or stand twice: named with file and line, whatever the form and whoever reads.</summary>
public class RowNamesTests
{
    private const string Half = "\\ud800";

    [Theory]
    [InlineData("""{"id":"1","instruction":"a","output":["p","q"],"\ud800":1}""", Half)]
    [InlineData("""{"\ud800":1,"id":"1","instruction":"a","output":["p","q"]}""", Half)]
    [InlineData("""{"id":"1","instruction":"a","output":["p","q"],"score":[1,2],"score":[2,1]}""", "score")]
    [InlineData("""{"id":"1","instruction":"a","output":["p","q"],"x":1,"y":2,"x":1}""", "x")]
    [InlineData("""{"id":"1","instruction":"a","output":["p","q"],"x":1,"\u0078":1}""", "x")]
    [InlineData("""{"id":"1","id":"2","instruction":"a","output":["p","q"]}""", "id")]
    [InlineData("""{"prompt":"p","chosen":"a","rejected":"b","chosen":"c"}""", "chosen")]
    [InlineData("""{"prompt":"p","chosen":"a","rejected":"b","\ud800":"c"}""", Half)]
    [InlineData("""{"instruction":"a","input":"","output":"o","output":"p"}""", "output")]
    [InlineData("""{"instruction":"a","input":"","output":"o","\ud800":"p"}""", Half)]
    public void Read_BadName_NamesFileLineAndKey(string row, string key)
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("rows.jsonl", "\n" + row);
        void Check(Action read)
        {
            DataFormatException e = Assert.Throws<DataFormatException>(read);
            Assert.Equal((2, key), (e.Place.Line, e.Key));
            Assert.StartsWith(path + ", line 2", e.Message);
        }

        Check(() => _ = RankedData.Read(path).ToList());
        Check(() => _ = InstructionData.Read(path).ToList());
        Check(() => { using var rows = new RankedReader(path); rows.Read(); });
        // The row filter takes it like any other row that cannot be used.
        var bad = new List<DataFormatException>();
        Assert.Empty(RankedData.Read(path, new() { OnInvalidRow = bad.Add }));
        Assert.Single(bad);
    }

    [Fact]
    public void Write_TwoExtrasOfAName_IsRefused()
    {
        using var folder = new TemporaryFolder();
        var row = new RankedExample { Id = "1", Instruction = "i", Outputs = ["a"], Extra = [new("x", "1"), new("x", "2")] };
        Assert.Contains("two fields 'x'", Assert.Throws<ArgumentException>(() => RankedData.Write(folder.File("o.jsonl"), [row])).Message);
        Assert.False(File.Exists(folder.File("o.jsonl")));
    }
}
