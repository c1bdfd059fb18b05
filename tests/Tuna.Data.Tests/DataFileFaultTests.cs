using System.Text;
using Tuna.Data;
using Tuna.Testing;

namespace Tuna.Data.Tests;

/// <summary>Each kind of bad input gives an error that names file, line or element, key and id, and says what to do.</summary>
public class DataFileFaultTests
{
    private const string Good = """{"id":"g","instruction":"i","output":["a"]}""";

    [Theory]
    [InlineData("""{"id":"b","instruction":"i","output":["a",]}""", "data, line 3, id 'b': not valid JSON at byte 42")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"]}}""", "data, line 3, id 'b': not valid JSON at byte 43")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"]""", "delete or complete it")]
    [InlineData("""{"id":"b","instruction":"i","outp""", "The last line is cut off")]
    [InlineData("hello", "data, line 3: not valid JSON at byte 0")]
    [InlineData("17", "data, line 3: expected an object, found a number")]
    [InlineData("""{"id":"g","instruction":"j","output":["a"]}""",
        "data, line 3, id 'g', key 'id': an earlier row has this id too. Make ids unique")]
    [InlineData("""{"id":"b","instruction":"i","output":["a","b"],"score":[1]}""",
        "data, line 3, id 'b', key 'score': 1 items for 2 candidates")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"score":[1,2]}""", "key 'score': 2 items for 1 candidates")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"model":["x","y"]}""", "key 'model': 2 items for 1 candidates")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"logprob":[1,2]}""", "key 'logprob': 2 items for 1 candidates")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"tokens":[0]}""", "key 'tokens': item 0 is 0")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"tokens":[1.5]}""", "key 'tokens': item 0 is not a 32-bit integer")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"score":[NaN]}""",
        "data, line 3, id 'b': NaN and Infinity are not JSON (at byte 52 of the row). Write null")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"score":[-Infinity]}""", "NaN and Infinity are not JSON")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"score":["NaN"]}""",
        "data, line 3, id 'b', key 'score': item 0 is a string; write a finite number, or null")]
    [InlineData("""{"id":"b","instruction":"i","output":["a"],"score":[1e999]}""", "key 'score': item 0 is outside the range")]
    [InlineData("""{"id":"b","instruction":"i","output":[]}""", "data, line 3, id 'b', key 'output': there are no candidates")]
    [InlineData("""{"id":"b","instruction":"i"}""", "data, line 3, id 'b', key 'output': the candidates are missing")]
    [InlineData("""{"id":"b","output":["a"]}""", "data, line 3, id 'b', key 'instruction': the instruction is missing")]
    [InlineData("""{"id":"b","instruction":3,"output":["a"]}""", "key 'instruction': expected a string, found a number")]
    [InlineData("""{"id":"b","instruction":"i","output":"a"}""", "key 'output': expected an array, found a string")]
    [InlineData("""{"id":"b","instruction":"i","output":["a",2]}""", "key 'output': item 1 is a number")]
    [InlineData("""{"id":[1],"instruction":"i","output":["a"]}""", "key 'id': the id is an array")]
    [InlineData("""{"id":"b","instruction":"\ud800","output":["a"]}""", "key 'instruction': the text is not valid")]
    public void Read_BadLine_NamesThePlace(string line, string message)
    {
        DataFormatException e = Assert.Throws<DataFormatException>(() => DataFileTests.Ranked($"{Good}\n\n{line}"));
        Assert.Contains(message, e.Message);
        Assert.Equal(("data", 3, 1), (e.Place.Source, e.Place.Line, e.Place.Index));
    }

    [Theory]
    [InlineData("[{0},\n{\"id\":\"b\",\"instruction\":\"i\",\n\"output\":[],\"score\":[]}]",
        "data, element [1] (line 2), id 'b', key 'output': there are no candidates")]
    [InlineData("[{0},\n{\"id\":\"b\",\n\"score\":[NaN]}]",
        "data, element [1] (line 2), id 'b': NaN and Infinity are not JSON (at byte 20 of the row)")]
    [InlineData("[{0},\n{\"id\":\"b\",\n \"output\":[\"a\"",
        "data, element [1] (line 2): the file ends inside this element: it is cut off")]
    [InlineData("[{0},\n{\"id\":\"b\\", "data, element [1] (line 2): the file ends inside this element")]
    [InlineData("[{0}\n", "data, element [0] (line 2): the array ends after 1 elements without its ]")]
    [InlineData("[{0} {0}]", "expected a comma or ] after element [0], found '{'")]
    [InlineData("[{0},]", "expected an object for element [1], found ']'")]
    [InlineData("[{0}]\n{0}", "data, element [0] (line 2): there is text after the array's closing ]")]
    [InlineData("[1]", "expected an object for element [0], found '1'")]
    [InlineData("[", "the array ends after 0 elements")]
    public void Read_BadArray_NamesTheElement(string text, string message) =>
        Assert.Contains(message, Assert.Throws<DataFormatException>(() => DataFileTests.Ranked(text.Replace("{0}", Good))).Message);

    [Fact]
    public void Read_PrettyPrintedJsonl_SaysWhatToDo() =>
        Assert.Contains("pretty-printed rows belong into an array",
            Assert.Throws<DataFormatException>(() => DataFileTests.Ranked("{\n\"id\": 1\n}\n")).Message);

    [Fact]
    public void Read_NotUtf8_SaysSo()
    {
        Assert.Contains("UTF-16. Save it as UTF-8",
            Fails(Encoding.Unicode.GetPreamble().Concat(Encoding.Unicode.GetBytes(Good)).ToArray()).Message);
        Assert.Contains("the gzip data is damaged or cut off", Fails([0x1F, 0x8B, 8, 0, 0]).Message);
        byte[] latin = Encoding.Latin1.GetBytes(Good.Replace("\"i\"", "\"\u00e9\""));
        Assert.Contains("line 1, id 'g', key 'instruction': the text is not valid: bytes that are not UTF-8", Fails(latin).Message);
    }

    [Fact]
    public void Read_RowTooLong_SaysWhereItStarts()
    {
        string text = $"[{Good},\n{{\"id\":\"b\",\"instruction\":\"{new string('x', 2_000_000)}";
        DataFormatException e = Assert.Throws<DataFormatException>(() => DataFileTests.Ranked(text, new() { MaxRowBytes = 1 << 20 }));
        Assert.Contains("element [1] (line 2): the row is longer than 1048576 bytes", e.Message);
    }

    [Fact]
    public void Read_OnInvalidRow_SkipsAndReports()
    {
        var errors = new List<DataFormatException>();
        string text = $"{Good}\nbroken\n{Good}\n" + """{"instruction":"i","output":["b"]}""";
        RankedExample[] rows = DataFileTests.Ranked(text, new() { OnInvalidRow = errors.Add });
        Assert.Equal(["g", "3"], rows.Select(r => r.Id)); // a row without an id is named by its position
        Assert.Equal([2, 3], errors.Select(e => e.Place.Line));
    }

    [Fact]
    public void Read_DuplicateIds_FollowThePolicy()
    {
        string text = $"{Good}\n{Good.Replace("\"a\"", "\"b\"")}";
        Assert.Equal(["a"], DataFileTests.Ranked(text, new() { DuplicateIds = DuplicateIds.KeepFirst }).Select(r => r.Outputs[0]));
        Assert.Equal(["a", "b"], DataFileTests.Ranked(text, new() { DuplicateIds = DuplicateIds.Allow }).Select(r => r.Outputs[0]));
    }

    [Fact]
    public void Read_MissingFile_NamesIt()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("at-all.jsonl",
            Assert.Throws<FileNotFoundException>(() => RankedData.Read(folder.File("at-all.jsonl")).Any()).Message);
    }

    [Fact]
    public void Read_InstructionWithoutInstruction_NamesThePlace()
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes("""[{"instruction":"a"},{"output":"b"}]"""));
        Assert.Contains("alpaca.json, element [1] (line 1), key 'instruction'",
            Assert.Throws<DataFormatException>(() => DataFile.Read(stream, "alpaca.json", InstructionFormat.Instance).Count()).Message);
    }

    private static DataFormatException Fails(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        return Assert.Throws<DataFormatException>(() => DataFile.Read(stream, "data", RankedFormat.Instance).Count());
    }
}
