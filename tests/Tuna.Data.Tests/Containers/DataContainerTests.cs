using System.IO.Compression;
using System.Text;
using Tuna.Data.Containers;
using Tuna.Testing;
using ZstdSharp;

namespace Tuna.Data.Tests.Containers;

/// <summary>Every container gives the rows that the same data gives as JSON, is told by its content, and names the place of
/// damage.</summary>
public sealed class DataContainerTests : IDisposable
{
    private const string Lines = """
        {"id":"a","instruction":"i","output":["x","y"],"score":[2,1]}
        {"id":"b","instruction":"j","output":["z"]}
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("gzip", "rows.jsonl.gz")]
    [InlineData("gzip", "rows.jsonl")] // the name says nothing of it
    [InlineData("zstd", "rows.jsonl.zst")]
    [InlineData("zstd", "rows")]
    [InlineData("both", "rows.zst")]
    public async Task Read_PackedFile_GivesTheRows(string packing, string name)
    {
        string path = _folder.File(name);
        File.WriteAllBytes(path, packing switch
        {
            "gzip" => Gzip(Encoding.UTF8.GetBytes(Lines)),
            "zstd" => Zstandard(Encoding.UTF8.GetBytes(Lines)),
            _ => Zstandard(Gzip(Encoding.UTF8.GetBytes(Lines))),
        });
        Assert.Equal(["a", "b"], RankedData.Read(path).Select(r => r.Id));
        var rows = new List<RankedExample>();
        await foreach (RankedExample row in RankedData.ReadAsync(path))
            rows.Add(row);
        Assert.Equal(2, rows.Count);
        using var cursor = new RankedReader(path);
        Assert.True(cursor.Read());
        Assert.Equal(rows[0], cursor.ToExample());
    }

    [Theory]
    [InlineData("o.jsonl.gz", 0x1F)]
    [InlineData("o.json.gz", 0x1F)]
    [InlineData("o.jsonl.zst", 0x28)]
    public void Write_PackedName_IsPackedAndReadBack(string name, byte first)
    {
        RankedExample[] rows = [.. RankedData.Read(_folder.Write("i.jsonl", Lines))];
        RankedData.Write(_folder.File(name), rows);
        Assert.Equal(first, File.ReadAllBytes(_folder.File(name))[0]);
        Assert.Equal(rows, RankedData.Read(_folder.File(name)));
    }

    /// <summary>`text` is a list in the paper's form and a text in all others.</summary>
    [Fact]
    public void Read_CsvOfThePapersForm_HasItsLists()
    {
        string path = _folder.Write("p.csv",
            "orig,text,logprob,length\n"
            + "\"{\"\"instruction\"\":\"\"q\"\",\"\"output\"\":\"\"g\"\"}\",\"[\"\"a\"\",\"\"b\"\"]\",\"[-1,-2]\",\"[2,3]\"\n");
        RankedExample row = Assert.Single(RankedData.Read(path));
        Assert.Equal(["a", "b"], row.Outputs);
        Assert.Equal([2, 3], row.TokenCounts!);
    }

    [Theory]
    [InlineData("o.parquet")]
    [InlineData("o.csv")]
    public void Write_NameOfAnotherContainer_IsRefused(string name) =>
        Assert.Contains("rows are written as JSON",
            Assert.Throws<ArgumentException>(() => RankedData.Write(_folder.File(name), [])).Message);

    [Fact]
    public void Read_ParquetOfADataSet_HasMessagesNullsAndNumbers()
    {
        foreach (string name in (string[])["binarized.parquet", "no-extension", "packed.parquet.gz"])
        {
            string path = _folder.File(name);
            File.WriteAllBytes(path, name.EndsWith("gz", StringComparison.Ordinal)
                ? Gzip(Resource("binarized.parquet")) : Resource("binarized.parquet"));
            RankedExample[] rows = [.. RankedData.Read(path)];
            Assert.Equal(["Name a fish.", "Say 😀"], rows.Select(r => r.Instruction));
            Assert.Equal(["😀 \"yes\"\n", ""], rows[1].Outputs);
            Assert.Equal([8.5, 2], rows[0].Scores);
            Assert.Equal([1, 0], rows[1].Scores); // null ratings
            Assert.Equal(["prompt_id:\"ab12\"", "messages", "flag:true", "n:9007199254740993"],
                rows[0].Extra.Select(f => f.Name == "messages" ? f.Name : f.Name + ":" + f.Json));
            Assert.Equal(["prompt_id:null", "messages:null", "flag:false", "n:null"], rows[1].Extra.Select(f => f.Name + ":" + f.Json));
        }
    }

    [Fact]
    public void Read_ParquetWithLists_TellsNullEmptyAndItems()
    {
        string path = _folder.File("r.parquet");
        File.WriteAllBytes(path, Resource("ranked.parquet"));
        RankedExample[] rows = [.. RankedData.Read(path)];
        Assert.Equal([["x", "y"], ["z"], ["", "é"]], rows.Select(r => r.Outputs));
        Assert.Equal([[2, 1], [], [null, -0.5]], rows.Select(r => r.Scores));
        Assert.Equal(["[\"t\",null]", "[]", "null"], rows.Select(r => Assert.Single(r.Extra).Json));
        using var cursor = new RankedReader(path);
        Assert.True(cursor.Read());
        Assert.Equal(rows[0], cursor.ToExample());
    }

    [Fact]
    public void Read_DamagedParquet_NamesTheFile()
    {
        byte[] good = Resource("ranked.parquet");
        foreach (int length in (int[])[4, 12, good.Length / 2, good.Length - 1])
        {
            string path = _folder.File("cut.parquet");
            File.WriteAllBytes(path, good[..length]);
            DataFormatException e = Assert.Throws<DataFormatException>(() => RankedData.Read(path).ToList());
            Assert.Contains("cut.parquet", e.Message);
            Assert.Contains("cannot be read", e.Message);
        }
    }

    [Fact]
    public void Read_Csv_HasQuotesLineBreaksAndLists()
    {
        string path = _folder.Write("a.csv",
            "id,instruction,output,score,note\r\n1,\"a, "
            + "\"\"b\"\"\nc\",\"[\"\"x\"\",\"\"y\"\"]\",\"[2,null]\",\r\n\r\n2,é,\"[\"\"z\"\"]\",,n\r\n");
        RankedExample[] rows = [.. RankedData.Read(path)];
        Assert.Equal(["a, \"b\"\nc", "é"], rows.Select(r => r.Instruction));
        Assert.Equal(["x", "y"], rows[0].Outputs);
        Assert.Equal([2, null], rows[0].Scores);
        Assert.Equal(["null", "\"n\""], rows.Select(r => Assert.Single(r.Extra).Json));
    }

    [Theory]
    [InlineData("a.csv", "instruction,input,output\nAdd,,\"[1, 2]\"\n", "[1, 2]")] // an answer that looks like a list
    [InlineData("a", "instruction,input,output\nAdd,,three\n", "three")] // told by its header
    [InlineData("a.tsv", "instruction\tinput\toutput\nAdd\t\ta,b\n", "a,b")]
    [InlineData("a.csv", "\uFEFFinstruction;output\nAdd;three\n", "three")]
    [InlineData("a.csv", "question,answer\nAdd,three", "three")]
    public void Instructions_Csv_AreRead(string name, string text, string output)
    {
        InstructionExample row = Assert.Single(InstructionData.Read(_folder.Write(name, text), new() { RequireResponse = true }));
        Assert.Equal(("Add", output), (row.Instruction, row.Output));
    }

    [Theory]
    [InlineData("a.csv", "instruction,output\nonly\n", "a.csv, line 2: the row has 1 cells, the header 2")]
    [InlineData("a.csv", "instruction,output,output\na,b,c\n", "a.csv, line 1, key 'output': the header has this name twice")]
    [InlineData("a.csv", "prompt,chosen,rejected\np,\"[{'role': 'user', 'content': 'x'}]\",b\n",
        "a.csv, line 2, key 'chosen': the cell holds a list or an object that is not JSON")]
    [InlineData("a.csv", "instruction,output,score\nq,\"['x', 'y']\",\n", "a.csv, line 2, key 'output': the cell holds a list")]
    [InlineData("a.csv", "a,b\n1,2\n", "the form of the rows is not known; this one has the fields a, b")]
    [InlineData("a.parquet", "hello", "not valid JSON at byte 0")]
    [InlineData("a.jsonl", "PK\u0003\u0004xxxx", "this is a zip archive")]
    [InlineData("a.parquet", "version https://git-lfs.github.com/spec/v1\noid 1\n", "Git LFS pointer")]
    [InlineData("a.jsonl", "<!DOCTYPE html><html>", "this is HTML or XML")]
    [InlineData("a.jsonl", "ARROW1\0\0", "this is an Arrow file")]
    public void Read_WhatCannotBeRead_SaysWhatItIs(string name, string text, string message) =>
        Assert.Contains(message, Assert.Throws<DataFormatException>(() => RankedData.Read(_folder.Write(name, text)).ToList()).Message);

    [Fact]
    public void Read_CsvThatIsNotUtf8_IsRefused()
    {
        File.WriteAllBytes(_folder.File("a.csv"), [.. "instruction,output\na,"u8, 0xE9, .. "\n"u8]);
        Assert.Contains("not UTF-8", Assert.Throws<DataFormatException>(() => RankedData.Read(_folder.File("a.csv")).ToList()).Message);
    }

    [Theory]
    [InlineData("a.gz", "gzip")]
    [InlineData("a.zst", "zstd")]
    public void Read_CutPackedFile_IsAnError(string name, string packing)
    {
        byte[] text = Encoding.UTF8.GetBytes(
            string.Join('\n', Enumerable.Range(0, 5000)
            .Select(i => $$"""{"id":{{i}},"instruction":"i{{i * 7919 % 1000}}","output":["x"]}""")));
        byte[] packed = packing == "gzip" ? Gzip(text) : Zstandard(text);
        File.WriteAllBytes(_folder.File(name), packed[..(packed.Length / 2)]);
        Assert.Contains(name, Assert.Throws<DataFormatException>(() => RankedData.Read(_folder.File(name)).Count()).Message);
    }

    /// <summary>A gzip file that ended between two lines was read as a whole one: the rows behind were lost without a word.</summary>
    [Fact]
    public async Task Read_GzipCutAtAnyByte_IsAnError_AndMembersAfterEachOtherAreRead()
    {
        using var packed = new MemoryStream();
        var ends = new HashSet<int>();
        foreach (string member in (string[])["a", "b"])
        {
            using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            {
                for (int i = 0; i < 3; i++)
                {
                    gzip.Write(Encoding.UTF8.GetBytes($$"""{"id":"{{member}}{{i}}","instruction":"i","output":["x"]}""" + "\n"));
                    gzip.Flush(); // a line ends where a block does
                }
            }
            ends.Add((int)packed.Length);
        }

        string path = _folder.File("cut.gz");
        for (int length = 19; length <= packed.Length; length++)
        {
            await File.WriteAllBytesAsync(path, packed.ToArray()[..length]);
            if (ends.Contains(length))
                Assert.Equal(length < packed.Length ? 3 : 6, RankedData.Read(path).Count());
            else
                Assert.Contains("cut.gz: the gzip data is damaged or cut off",
                    Assert.Throws<DataFormatException>(() => RankedData.Read(path).Count()).Message, StringComparison.Ordinal);
        }

        int rows = 0;
        await foreach (RankedExample row in RankedData.ReadAsync(path))
            rows++;
        Assert.Equal(6, rows);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65515)] // the buffer, with and without the mark behind
    [InlineData(65516)]
    [InlineData(65536)]
    [InlineData(200000)]
    public void Read_GzipOfAnyLength_GivesItsBytes(int length)
    {
        byte[] content = new byte[length];
        new Random(length).NextBytes(content);
        using var reader = new GzipReader(new MemoryStream(Gzip(content)));
        using var read = new MemoryStream();
        reader.CopyTo(read, 1000);
        Assert.Equal(content, read.ToArray());
    }

    [Fact]
    public void Read_Folder_NamesTheFilesInIt()
    {
        Directory.CreateDirectory(_folder.File("set/data"));
        File.WriteAllText(_folder.File("set/data/train.jsonl"), Lines);
        string message = Assert.Throws<DataFormatException>(() => RankedData.Read(_folder.File("set")).ToList()).Message;
        Assert.Contains("this is a folder. Name the files in it: ", message);
        Assert.Contains("train.jsonl", message);
    }

    [Fact]
    public void Read_PipeWithoutSeeking_GivesTheRows()
    {
        foreach (byte[] bytes in (byte[][])[Encoding.UTF8.GetBytes(Lines), Gzip(Encoding.UTF8.GetBytes(Lines)), Resource("ranked.parquet")])
        {
            using var pipe = new Pipe(bytes);
            Assert.NotEmpty(DataFile.Read(pipe, "pipe", RankedFormat.Instance));
        }
    }

    private static byte[] Resource(string name)
    {
        using Stream stream = typeof(DataContainerTests).Assembly.GetManifestResourceStream(name)!;
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var stream = new GZipStream(packed, CompressionLevel.Fastest))
            stream.Write(bytes);
        return packed.ToArray();
    }

    private static byte[] Zstandard(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var stream = new CompressionStream(packed))
            stream.Write(bytes);
        return packed.ToArray();
    }

    // Gives a few bytes at a time and cannot be sought.
    private sealed class Pipe(byte[] bytes) : MemoryStream(bytes)
    {
        public override bool CanSeek => false;

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(3, buffer.Length)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(3, count));

        public override long Seek(long offset, SeekOrigin loc) => throw new NotSupportedException();
    }
}
