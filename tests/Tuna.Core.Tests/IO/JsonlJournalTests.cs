using System.Text;
using Tuna.Data;
using Tuna.IO;
using Tuna.Testing;

namespace Tuna.Core.Tests.IO;

public class JsonlJournalTests
{
    [Fact]
    public void Append_ThenReopen_KeepsEveryLine()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("deep/a.jsonl");
        using (var journal = JsonlJournal.Open(path, JournalDurability.Disk))
        {
            journal.Append("{\"a\":1}"u8);
            journal.Append(json =>
            {
                json.WriteStartObject();
                json.WriteString("b", "x\ny\u00e9");
                json.WriteEndObject();
            });
            Assert.Equal(["""{"a":1}""", """{"b":"x\nyé"}"""], Lines(journal)); // readable while it is open
        }

        using (var journal = JsonlJournal.Open(path))
        {
            journal.Append(new InstructionExample { Instruction = "i" }, InstructionFormat.Instance);
            Assert.Equal(3, Lines(journal).Length);
            Assert.Equal(0, journal.RepairedBytes);
        }
    }

    [Fact]
    public void Open_TornAtAnyByte_KeepsAllWholeLines()
    {
        using var folder = new TemporaryFolder();
        string[] lines = ["""{"a":"é"}""", """{"b":[1,{"c":"}"}]}""", """{"d":3}"""];
        byte[] whole = Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n");
        string path = folder.File("a.jsonl");
        for (int cut = 0; cut <= whole.Length; cut++)
        {
            File.WriteAllBytes(path, whole[..cut]);
            int newlines = whole[..cut].Count(b => b == '\n');
            // A line that lacks only its newline is whole too.
            int expected = newlines + (cut < whole.Length && whole[cut] == '\n' ? 1 : 0);
            using var journal = JsonlJournal.Open(path);
            Assert.Equal(lines[..expected], Lines(journal));
            journal.Append("{}"u8);
            Assert.Equal([.. lines[..expected], "{}"], Lines(journal));
        }
    }

    [Theory]
    [InlineData("{\"a\":1}\n\0\0\0\0", 4)] // what a file system may leave after a loss of power
    [InlineData("{\"a\":1}\n12", 2)] // a torn number looks like a number
    [InlineData("{\"a\":1}\n{\"b\":2}{", 8)]
    public void Open_TornTail_IsRemovedAndCounted(string text, long removed)
    {
        using var folder = new TemporaryFolder();
        using var journal = JsonlJournal.Open(folder.Write("a.jsonl", text));
        Assert.Equal(removed, journal.RepairedBytes);
        Assert.Equal(["{\"a\":1}"], Lines(journal));
    }

    [Fact]
    public void Open_LongLines_AreFoundFromTheEnd()
    {
        using var folder = new TemporaryFolder();
        string large = "{\"x\":\"" + new string('y', 200_000) + "\"}";
        using var journal = JsonlJournal.Open(folder.Write("a.jsonl", $"{large}\n{large[..150_000]}"));
        Assert.Equal(150_000, journal.RepairedBytes);
        Assert.Equal([large], Lines(journal));
    }

    [Fact]
    public void Open_Twice_IsRefusedUntilTheFirstCloses()
    {
        using var folder = new TemporaryFolder();
        string path = folder.File("a.jsonl");
        using (JsonlJournal.Open(path))
        {
            FileInUseException e = Assert.Throws<FileInUseException>(() => JsonlJournal.Open(path));
            Assert.Contains($"'{path}' is in use", e.Message);
            Assert.Equal("", File.ReadAllText(path)); // others may read
        }

        JsonlJournal.Open(path).Dispose();
    }

    [Fact]
    public void Append_BadLine_IsRefused()
    {
        using var folder = new TemporaryFolder();
        using var journal = JsonlJournal.Open(folder.File("a.jsonl"));
        Assert.Throws<ArgumentException>(() => journal.Append("{}\n{}"u8));
        Assert.Throws<ArgumentException>(() => journal.Append(""u8));
        Assert.Throws<ArgumentException>(() => journal.Append(_ => { }));
        Assert.Equal(0, journal.Length);
    }

    [Fact]
    public void Append_ManyThreads_LinesStayWhole()
    {
        using var folder = new TemporaryFolder();
        using var journal = JsonlJournal.Open(folder.File("a.jsonl"));
        Parallel.For(0, 500, i => journal.Append(json =>
        {
            json.WriteStartObject();
            json.WriteNumber("i", i);
            json.WriteEndObject();
        }));
        Assert.Equal(Enumerable.Range(0, 500).Select(i => $"{{\"i\":{i}}}").Order(), Lines(journal).Order());
    }

    [Fact]
    public void Append_AfterDispose_Throws()
    {
        using var folder = new TemporaryFolder();
        JsonlJournal journal = JsonlJournal.Open(folder.File("a.jsonl"));
        journal.Dispose();
        journal.Dispose();
        Assert.Throws<ObjectDisposedException>(() => journal.Append("{}"u8));
    }

    private static string[] Lines(JsonlJournal journal) => [.. journal.ReadLines().Select(l => l.ToString())];
}
