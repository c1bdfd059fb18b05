using System.Text;
using Tuna.IO;
using Tuna.Numerics;
using Tuna.Testing;

namespace Tuna.Core.Tests.IO;

public sealed class JournalChecksumTests : IDisposable
{
    private static readonly string[] s_values =
        ["""{"a":"é"}""", "{}", """{"b":[1,{"checksum":"}"}],"c":-0.5}""", """{"checksum":"0000000000000000"}"""];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Journal(IEnumerable<string> values)
    {
        string path = _folder.File("j.jsonl");
        File.Delete(path);
        using JsonlJournal journal = JsonlJournal.Open(path, checksums: true);
        foreach (string value in values)
            journal.Append(Encoding.UTF8.GetBytes(value));
        return path;
    }

    private static (string[] Values, long[] Damaged) Read(string path)
    {
        using JsonlJournal journal = JsonlJournal.Open(path, checksums: true);
        return ([.. journal.ReadLines().Select(line => line.ToString())], [.. journal.DamagedLines]);
    }

    [Fact]
    public void ReadLines_Undamaged_GivesTheValuesAsAppended()
    {
        string path = Journal(s_values);
        (string[] values, long[] damaged) = Read(path);
        Assert.Equal(s_values, values);
        Assert.Empty(damaged);
        Assert.All(File.ReadAllLines(path), line => System.Text.Json.JsonDocument.Parse(line).Dispose()); // lines of JSON for others too
    }

    /// <summary>Damaged journals of calls once gave other replies and other counts without a word.</summary>
    [Fact]
    public void ReadLines_AnyBitFlipped_NeverGivesAnotherValueAndNamesTheLine()
    {
        string path = Journal(s_values);
        byte[] whole = File.ReadAllBytes(path);
        for (int bit = 0; bit < whole.Length * 8; bit++)
        {
            byte[] flipped = [.. whole];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(path, flipped);
            (string[] values, long[] damaged) = Read(path);
            // A last newline that is damaged is put back; everything else costs a line, or the two on either side of a newline.
            if (bit / 8 == whole.Length - 1)
                Assert.Equal(s_values, values);
            else
                Assert.True(values.Length is 2 or 3
                    && damaged.Length is 1 or 2, $"bit {bit}: {values.Length} values, {damaged.Length} damaged lines");
            Assert.Subset(s_values.ToHashSet(), values.ToHashSet());
        }
    }

    [Fact]
    public void Open_JournalWithoutChecksums_StaysReadableAndGetsThemFromThenOn()
    {
        string path = _folder.Write("j.jsonl", "{\"a\":1}\n[2]\n");
        using (JsonlJournal journal = JsonlJournal.Open(path, checksums: true))
            journal.Append("{\"a\":3}"u8);
        using (JsonlJournal journal = JsonlJournal.Open(path)) // a file does not go back
            journal.Append("{\"a\":4}"u8);
        (string[] values, long[] damaged) = Read(path);
        Assert.Equal(["{\"a\":1}", "[2]", "{\"a\":3}", "{\"a\":4}"], values);
        Assert.Empty(damaged);
        File.AppendAllText(path, "{\"a\":5}\n");
        Assert.Equal([5], Read(path).Damaged);
    }

    [Fact]
    public void Open_TornAtAnyByte_KeepsAllWholeLines()
    {
        byte[] whole = File.ReadAllBytes(Journal(s_values));
        string path = _folder.File("torn.jsonl");
        for (int cut = 0; cut <= whole.Length; cut++)
        {
            File.WriteAllBytes(path, whole[..cut]);
            int lines = whole[..cut].Count(b => b == '\n') + (cut < whole.Length && whole[cut] == '\n' ? 1 : 0);
            (string[] values, long[] damaged) = Read(path);
            Assert.Equal(s_values[..lines], values);
            Assert.Empty(damaged);
        }
    }

    [Fact]
    public void Append_ValueThatIsNoObject_IsRefused()
    {
        using JsonlJournal journal = JsonlJournal.Open(_folder.File("j.jsonl"), checksums: true);
        Assert.Throws<ArgumentException>(() => journal.Append("[1]"u8));
        Assert.Throws<ArgumentException>(() => journal.Append("1"u8));
        Assert.Equal(0, journal.Length);
    }

    [Fact]
    public void Delete_RemovesTheJournalAndItsLock()
    {
        string path = Journal(s_values);
        JsonlJournal journal = JsonlJournal.Open(path);
        journal.Delete();
        journal.Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void ReadLines_RandomDamage_GivesOnlyWhatWasAppended()
    {
        string[] values = [.. Enumerable.Range(0, 40)
            .Select(i => $"{{\"key\":\"k{i}\",\"reply\":\"{new string('x', i)}\",\"tokens\":{i}}}")];
        string path = Journal(values);
        byte[] whole = File.ReadAllBytes(path);
        var random = new Rng(16);
        for (int round = 0; round < 300 * Fuzzing.Factor; round++)
        {
            byte[] damaged = [.. whole];
            for (int i = random.Next(4); i >= 0; i--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(path, damaged);
            Assert.Subset(values.ToHashSet(), Read(path).Values.ToHashSet());
        }
    }

    [Fact]
    public void RemoveDamagedLines_LeavesAllOthersAsTheyAre()
    {
        string path = Journal(["""{"a":1}""", """{"a":2}""", """{"a":3}"""]);
        string[] lines = File.ReadAllLines(path);
        File.WriteAllText(path, $"{lines[0]}\n{lines[1].Replace("2", "7", StringComparison.Ordinal)}\n{lines[2]}\n");
        using (JsonlJournal journal = JsonlJournal.Open(path, checksums: true))
        {
            journal.RemoveDamagedLines();
            Assert.Empty(journal.DamagedLines);
            journal.Append("""{"a":4}"""u8);
            journal.RemoveDamagedLines(); // nothing to do
        }

        Assert.Equal([lines[0], lines[2]], File.ReadAllLines(path)[..2]);
        Assert.Equal(["""{"a":1}""", """{"a":3}""", """{"a":4}"""], Read(path).Values);
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void ReadLines_AnyDamage_GivesOnlyWhatWasAppended()
    {
        string[] values = [.. Enumerable.Range(0, 12).Select(i => $"{{\"id\":\"r{i}\",\"text\":\"{new string('y', i)}\"}}")];
        string path = Journal(values);
        (int taken, _) = Fuzzing.Run(File.ReadAllBytes(path), 3000, 18, path, input =>
        {
            File.WriteAllBytes(path, input);
            Assert.Subset(values.ToHashSet(), Read(path).Values.ToHashSet());
        });
        Assert.Equal(3000 * Fuzzing.Factor, taken); // a journal is never refused
    }
}
