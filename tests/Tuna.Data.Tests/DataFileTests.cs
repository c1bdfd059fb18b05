using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Tuna.Data;
using Tuna.Testing;

namespace Tuna.Data.Tests;

public class DataFileTests
{
    private const string Full =
        """{"id": 7, "instruction": "i", "input": "n", "output": ["a", ""], "score": [1.5, null], "reference": "r", "model": ["m", null"""
            + """], "logprob": [-2.25, null], "tokens": [3, null], "source": {"a": [1, 2.50]}, "flag": true}""";

    [Fact]
    public void Read_EveryField_IsThere()
    {
        RankedExample row = Assert.Single(Ranked(Full));
        Assert.Equal(
            new RankedExample
            {
                Id = "7", IdIsNumber = true, Instruction = "i", Input = "n", Outputs = ["a", ""], Scores = [1.5, null], Reference = "r",
                    Models = ["m", null],
                LogProbs = [-2.25, null], TokenCounts = [3, null], Extra = [new("source", """{"a": [1, 2.50]}"""), new("flag", "true")],
            },
            row);
    }

    [Theory]
    [InlineData("{0}\n{1}\n")]
    [InlineData("{0}\n{1}")] // no newline at the end
    [InlineData("\uFEFF{0}\r\n\r\n  \t\r\n{1}\r\n\r\n")] // byte order mark, CRLF, blank lines
    [InlineData("[{0},{1}]")]
    [InlineData("\uFEFF\n [ \n{0}\n,\r\n{1}\n] \n")]
    public void Read_EitherLayout_GivesTheSameRows(string form)
    {
        const string Odd = """{"id": "x", "instruction": "quotes \" \\ ] } [ { \u00e9", "output": ["]},{"]}""";
        RankedExample[] rows = Ranked(form.Replace("{0}", Full).Replace("{1}", Odd));
        Assert.Equal(["7", "x"], rows.Select(r => r.Id));
        Assert.Equal("quotes \" \\ ] } [ { \u00e9", rows[1].Instruction);
        Assert.Equal(["]},{"], rows[1].Outputs);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\uFEFF")]
    [InlineData(" \n\r\n")]
    [InlineData("[]")]
    [InlineData("[ \n ]\n")]
    public void Read_NoRows_IsEmpty(string text) => Assert.Empty(Ranked(text));

    [Fact]
    public void Read_ChunksOfAnySize_GiveTheSameRows()
    {
        string pretty = Full.Replace("\", ", "\",\n ").Replace("\"i\"", "\"\\\\\\\"i\\u005d\"");
        foreach (string text in new[] { $"[{pretty},\n{pretty.Replace("7", "8")} ]", $"{Full}\n\n{Full.Replace("7", "8")}" })
        {
            RankedExample[] whole = Ranked(text);
            Assert.Equal(2, whole.Length);
            for (int chunk = 1; chunk < 40; chunk++)
            {
                using var stream = new ChunkedStream(Encoding.UTF8.GetBytes(text), chunk);
                Assert.Equal(whole, DataFile.Read(stream, "s", RankedFormat.Instance));
            }
        }
    }

    [Fact]
    public async Task ReadAsync_SameFile_GivesTheSameRows()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("x.jsonl", $"{Full}\n{Full.Replace("7", "8")}\n");
        var rows = new List<RankedExample>();
        await foreach (RankedExample row in RankedData.ReadAsync(path))
            rows.Add(row);
        Assert.Equal(RankedData.Read(path), rows);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (RankedExample _ in RankedData.ReadAsync(path, cancellationToken: cancelled.Token))
                Assert.Fail("nothing is read after cancellation");
        });
    }

    [Fact]
    public void Read_RowLongerThanTheBuffer_IsRead()
    {
        string text = new('x', 3_000_000);
        RankedExample[] rows = Ranked($$"""{"id":1,"instruction":"{{text}}","output":["a"]}""" + "\n"
            + """{"id":2,"instruction":"b","output":["a"]}""");
        Assert.Equal((text, "b"), (rows[0].Instruction, rows[1].Instruction));
    }

    [Theory]
    [InlineData(DataLayout.Lines, "x.jsonl")]
    [InlineData(DataLayout.Array, "x.json")]
    public void Write_AnyRows_ReadBackEqual(DataLayout layout, string name)
    {
        using var folder = new TemporaryFolder();
        Arbitrary<List<RankedExample>> rows = RandomRows();
        Prop.ForAll(rows, written =>
        {
            Assert.Equal(written.Count, RankedData.Write(folder.File(name), written));
            Assert.Equal(layout == DataLayout.Array, File.ReadAllText(folder.File(name)).StartsWith('['));
            Assert.Equal(written, RankedData.Read(folder.File(name)));
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(60).WithReplay(3, 3));
        Assert.Equal([name], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void Write_InstructionRows_ReadBackEqual()
    {
        using var folder = new TemporaryFolder();
        InstructionExample[] rows =
        [
            new() { Instruction = "a\nb", Input = "\u2028", Output = "\ud83d\ude00", Extra = [new("k", "[1, null]")] },
            new() { Id = "x", Instruction = "" },
            new() { Id = "12", IdIsNumber = true, Instruction = "c" },
        ];
        InstructionData.Write(folder.File("a.json"), rows);
        Assert.Equal(rows, InstructionData.Read(folder.File("a.json")));
    }

    [Fact]
    public void Write_PrettyPrintedExtraField_StaysOnOneLine()
    {
        using var folder = new TemporaryFolder();
        RankedData.Write(folder.File("a.jsonl"),
            [new() { Id = "1", Instruction = "i", Outputs = ["o"], Extra = [new("k", "{\n \"a\":\r\n 1}")] }]);
        Assert.Single(File.ReadAllLines(folder.File("a.jsonl")));
        Assert.Single(RankedData.Read(folder.File("a.jsonl")));
    }

    [Fact]
    public void Write_SequenceFails_KeepsTheOldFileAndNothingElse()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("a.jsonl", "old");
        Assert.Throws<InvalidOperationException>(() => RankedData.Write(path, Failing()));
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(folder.Path));

        static IEnumerable<RankedExample> Failing()
        {
            yield return new() { Id = "1", Instruction = "i", Outputs = ["o"] };
            throw new InvalidOperationException("in the middle");
        }
    }

    internal static RankedExample[] Ranked(string text, DataReadOptions? options = null)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        return [.. DataFile.Read(stream, "data", RankedFormat.Instance, options)];
    }

    private static Arbitrary<List<RankedExample>> RandomRows()
    {
        // JSON cannot hold half a surrogate pair, so texts go through UTF-8 once.
        Gen<string> text = ArbMap.Default.GeneratorFor<string>().Select(s => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(s ?? "")));
        Gen<double?> number = ArbMap.Default.GeneratorFor<double>().Select(d => double.IsFinite(d) ? d : (double?)null);
        Gen<RankedExample> row =
            from n in Gen.Choose(1, 5)
            from instruction in text
            from input in text.OrNull()
            from outputs in text.ArrayOf(n)
            from scores in number.ArrayOf(n)
            from reference in text.OrNull()
            from known in Gen.Choose(0, 7)
            select new RankedExample
            {
                Id = "", Instruction = instruction, Input = input, Outputs = outputs, Reference = reference,
                Scores = (known & 1) != 0 ? scores : [],
                Models = (known & 2) != 0 ? outputs : [],
                LogProbs = (known & 4) != 0 ? scores : [],
                TokenCounts = (known & 4) != 0 ? Array.ConvertAll(scores, s => s is null ? (int?)null : 1) : [],
            };
        return row.ListOf().Select(rows => rows.Select((r, i) => r with { Id = i.ToString(), IdIsNumber = i % 2 == 0 }).ToList())
            .ToArbitrary();
    }

    /// <summary>Gives a few bytes at a time, so that every border falls everywhere.</summary>
    private sealed class ChunkedStream(byte[] bytes, int chunk) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(chunk, buffer.Length)]);
    }
}
