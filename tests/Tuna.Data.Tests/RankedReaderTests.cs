using System.Text;
using Tuna.Data;
using Tuna.Numerics;
using Tuna.Testing;

namespace Tuna.Data.Tests;

/// <summary>The cursor gives the rows, places and errors that <see cref="RankedData.Read(string, DataReadOptions)"/> gives, wherever the
/// blocks of a large file end.</summary>
public sealed class RankedReaderTests : IDisposable
{
    private const string Unusual =
        """{"instruction":"no id","output":["a","b"],"score":[2,null],"tokens":[1,null],"source":{"deep":["\u00e9"]}}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_ARow_GivesItsFields()
    {
        using RankedReader row = Open(
            """{"id":7,"instruction":"i\n","input":"in","output":["one","tw\u00f6"],"score":[0.5,null],"reference":"r","model":["m",null"""
                + """],"logprob":[-1.5,null],"tokens":[3,null]}""");
        Assert.True(row.Read());
        Assert.Equal(("7", true, "i\n", true, "in", true, "r"),
            (row.Id.ToString(), row.IdIsNumber, row.Instruction.ToString(), row.HasInput, row.Input.ToString(), row.HasReference,
            row.Reference.ToString()));
        Assert.Equal((2, "one", "tw\u00f6"), (row.CandidateCount, row.Output(0).ToString(), row.Output(1).ToString()));
        Assert.Equal((0.5, (double?)null, "m", (string?)null), (row.Score(0), row.Score(1), row.Model(0), row.Model(1)));
        Assert.Equal((-1.5, (double?)null, 3, (int?)null), (row.LogProb(0), row.LogProb(1), row.TokenCount(0), row.TokenCount(1)));
        Assert.Equal((1, 0), (row.Place.Line, row.Place.Index));
        Assert.False(row.Read());
    }

    [Fact]
    public void Read_WhatIsNotThere_IsNullOrEmpty()
    {
        using RankedReader row = Open("""{"id":"x","instruction":"i","output":["o"]}""");
        Assert.True(row.Read());
        Assert.Equal((false, false, "", false, ""),
            (row.IdIsNumber, row.HasInput, row.Input.ToString(), row.HasReference, row.Reference.ToString()));
        Assert.Equal((null, null, null, null), (row.Score(0), row.Model(0), row.LogProb(0), row.TokenCount(0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => row.Output(1).Length);
    }

    [Fact]
    public void Row_BeforeAndAfterTheRows_SaysWhatToDo()
    {
        using RankedReader row = Open("""{"id":"x","instruction":"i","output":["o"]}""");
        Assert.Contains("call Read first", Assert.Throws<InvalidOperationException>(() => row.CandidateCount).Message);
        Assert.True(row.Read());
        Assert.False(row.Read());
        Assert.Throws<InvalidOperationException>(() => row.Id.Length);
        Assert.Throws<InvalidOperationException>(row.ToExample);
    }

    [Fact]
    public void Json_IsTheRowAsItStandsInTheFile()
    {
        string[] lines = [Unusual, """{ "id":"y", "instruction":"i", "output":["o"] }"""];
        using RankedReader row = Open(string.Join("\r\n", lines));
        foreach (string line in lines)
        {
            Assert.True(row.Read());
            Assert.Equal(line, Encoding.UTF8.GetString(row.Json));
        }
    }

    [Theory]
    [InlineData("\n")]
    [InlineData("\r\n")]
    [InlineData("\n\n  \n")]
    public void Read_BlocksOfAnySize_AsTheStream(string newline)
    {
        var text = new StringBuilder();
        for (int i = 0; i < 40; i++)
            text.Append(i % 13 == 5 ? Unusual.Replace("no id", $"no id {i}")
                : $$"""{"id":"row {{i}}","instruction":"i","output":["{{new string('x', i * 7 % 90)}}\n\u00e9é"],"score":[{{i}}.5]}""")
                .Append(i == 39 ? "" : newline);
        string path = _folder.Write("x.jsonl", text.ToString());
        List<(DataPlace, RankedExample)> expected = Rows(path, null);
        Assert.Equal(40, expected.Count);
        foreach (int block in (int[])[1, 2, 3, 50, 64, 100, 101, 102, 103, 104, 105, 200, 777, 1000])
            Assert.Equal(expected, Rows(path, block));
    }

    [Fact]
    public void Read_DamagedFiles_SameRowsAndSameErrorsInBlocks()
    {
        var rng = new Rng(5);
        string good = string.Concat(Enumerable.Range(0, 12)
            .Select(i => $$"""{"id":"{{i}}","instruction":"i\u00e9é","output":["a","b"],"score":[1,{{i}}]}""" + "\n"));
        ReadOnlySpan<byte> marks = "\"\\{}[],:01eE+-nu \n\t\x01\xC3\xFF"u8;
        int failed = 0;
        for (int i = 0; i < 1500; i++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(good);
            for (int changes = 1 + rng.Next(3); changes > 0; changes--)
                bytes[1 + rng.Next(bytes.Length - 1)] = marks[rng.Next(marks.Length)];
            string path = _folder.File("damaged.jsonl");
            File.WriteAllBytes(path, rng.Next(4) == 0 ? bytes[..(1 + rng.Next(bytes.Length - 1))] : bytes);
            var options = new DataReadOptions { DuplicateIds = (DuplicateIds)rng.Next(3), MaxRowBytes = 1024 };
            string all = Story(path, null, options), blocks = Story(path, 40 + rng.Next(100), options), objects = Objects(path, options);
            Assert.Equal(all, blocks);
            Assert.Equal(objects, all);
            failed += all.Contains('!') ? 1 : 0;
        }

        Assert.InRange(failed, 500, 1490);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(100)]
    public void Read_OnInvalidRow_SkipsAndReportsInOrder(int? block)
    {
        string path = _folder.Write("x.jsonl",
            string.Concat(Enumerable.Range(0, 50)
            .Select(i => i % 7 == 3 ? "broken\n" : $$"""{"id":{{i}},"instruction":"i","output":["o"]}""" + "\n")));
        var events = new List<long>();
        using RankedReader row = OpenFile(path, block, new() { OnInvalidRow = e => events.Add(-e.Place.Line) });
        while (row.Read())
            events.Add(row.Place.Line);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => i % 7 == 3 ? -(i + 1L) : i + 1L), events);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(300)]
    public void Read_RowTooLong_SaysWhereItStarts(int? block)
    {
        string path = _folder.Write("x.jsonl",
            $$"""{"id":1,"instruction":"i","output":["o"]}""" + "\n\n{\"id\":2,\"instruction\":\"" + new string('x', 2_000_000));
        using RankedReader row = OpenFile(path, block, new() { MaxRowBytes = 1 << 19 });
        Assert.True(row.Read());
        Assert.Contains("x.jsonl, line 3: the row is longer than 524288 bytes",
            Assert.Throws<DataFormatException>(() => row.Read()).Message);
    }

    [Fact]
    public void Read_LongRowsInSmallBlocks_AreWhole()
    {
        string path = _folder.Write("x.jsonl",
            string.Concat(Enumerable.Range(0, 5)
            .Select(i => $$"""{"id":{{i}},"instruction":"i","output":["{{new string('x', 100_000 * (i % 2))}}"]}""" + "\n")));
        Assert.Equal(Rows(path, null), Rows(path, 64));
    }

    [Fact]
    public void Read_AnArrayOrAMark_IsReadAsOneStream()
    {
        string row = """{"id":1,"instruction":"i","output":["o"]}""";
        foreach (string text in (string[])[$"[{row}]", "\uFEFF" + row, " " + row])
        {
            string path = _folder.Write("x.json", text);
            Assert.Equal(Rows(path, null), Rows(path, 8));
            Assert.Single(Rows(path, 8));
        }
    }

    [Fact]
    public void Dispose_InTheMiddle_ClosesTheFile()
    {
        string path = _folder.Write("x.jsonl",
            string.Concat(Enumerable.Range(0, 500).Select(i => $$"""{"id":{{i}},"instruction":"i","output":["o"]}""" + "\n")));
        using (RankedReader row = OpenFile(path, 256))
            Assert.True(row.Read());
        File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
    }

    [Fact]
    public void Open_MissingFile_NamesIt() =>
        Assert.Contains("at-all.jsonl", Assert.Throws<FileNotFoundException>(() => new RankedReader(_folder.File("at-all.jsonl"))).Message);

    private static RankedReader Open(string text) => new(new MemoryStream(Encoding.UTF8.GetBytes(text)), "text");

    // Without a size, as one stream.
    private static RankedReader OpenFile(string path, int? block, DataReadOptions? options = null) =>
        block is { } size ? new(path, options, size) : new(new MemoryStream(File.ReadAllBytes(path)), path, options);

    private static List<(DataPlace, RankedExample)> Rows(string path, int? block)
    {
        var rows = new List<(DataPlace, RankedExample)>();
        using RankedReader row = OpenFile(path, block);
        while (row.Read())
            rows.Add((row.Place, row.ToExample()));
        return rows;
    }

    private static string Story(string path, int? block, DataReadOptions options)
    {
        var story = new StringBuilder();
        try
        {
            using RankedReader row = OpenFile(path, block, options);
            while (row.Read())
                story.AppendLine(RowText(row.ToExample()));
        }
        catch (DataFormatException e)
        {
            story.Append('!').Append(e.Message);
        }

        return story.ToString();
    }

    private static string Objects(string path, DataReadOptions options)
    {
        var story = new StringBuilder();
        try
        {
            foreach (RankedExample row in RankedData.Read(path, options))
                story.AppendLine(RowText(row));
        }
        catch (DataFormatException e)
        {
            story.Append('!').Append(e.Message);
        }

        return story.ToString();
    }

    private static string RowText(RankedExample row) =>
        string.Join('|', [row.Id, row.IdIsNumber, row.Instruction, .. row.Outputs, .. row.Scores]);
}
