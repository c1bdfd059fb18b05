using System.Text;
using Tuna.Data;
using Tuna.Testing;

namespace Tuna.Data.Tests;

/// <summary>Reading hands out rows as they come: nothing is read that is not needed yet, a failure comes behind the rows before it, and
/// leaving early closes the file.</summary>
public sealed class DataFileStreamingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_BadRowsFarBehind_AreReportedInOrderBetweenTheRows()
    {
        string path = Lines(2000, (3, "a"), (1500, "b"), (1501, "c"), (1999, "d"));
        var events = new List<long>();
        foreach (RankedExample row in RankedData.Read(path, new() { OnInvalidRow = e => events.Add(-e.Place.Index) }))
            events.Add(long.Parse(row.Id));
        Assert.Equal(Enumerable.Range(0, 2000).Select(i => i is 3 or 1500 or 1501 or 1999 ? -(long)i : i), events);
    }

    [Fact]
    public void Read_IdRepeatedFarBehind_ThrowsAfterTheRowsBeforeIt()
    {
        string path = Lines(2000, (1700, Line(12)));
        var ids = new List<string>();
        DataFormatException e = Assert.Throws<DataFormatException>(() => ids.AddRange(RankedData.Read(path).Select(r => r.Id)));
        Assert.Equal(1700, ids.Count);
        Assert.Contains("x.jsonl, line 1701, id '12', key 'id': an earlier row has this id too", e.Message);
        Assert.Equal(1999, RankedData.Read(path, new() { DuplicateIds = DuplicateIds.KeepFirst }).Count());
    }

    [Fact]
    public void Read_StreamFails_ThrowsAfterTheRowsBeforeIt()
    {
        using var stream = new FailingStream(Encoding.UTF8.GetBytes(Line(0) + "\n" + Line(1) + "\n"));
        var ids = new List<string>();
        Assert.Equal("the line is dead",
            Assert.Throws<IOException>(() => ids.AddRange(DataFile.Read(stream, "s", RankedFormat.Instance).Select(r => r.Id))).Message);
        Assert.Equal(["0", "1"], ids);
    }

    [Fact]
    public void Read_Stream_GivesARowBeforeItAsksForMore()
    {
        using var stream = new FailingStream(Encoding.UTF8.GetBytes(Line(0) + "\n"));
        Assert.Equal("0", DataFile.Read(stream, "s", RankedFormat.Instance).First().Id);
        Assert.Equal(1, stream.Reads);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Read_LeftEarly_ClosesTheFile(bool synchronously)
    {
        string path = Lines(2000);
        int taken = 0;
        if (synchronously)
        {
            taken = RankedData.Read(path).Take(1000).Count();
        }
        else
        {
            using var cancel = new CancellationTokenSource();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                await foreach (RankedExample _ in RankedData.ReadAsync(path, cancellationToken: cancel.Token))
                {
                    if (++taken == 1000)
                        await cancel.CancelAsync();
                }
            });
        }

        Assert.InRange(taken, 1000, 1999);
        File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None).Dispose();
    }

    private static string Line(int id) => $$"""{"id":{{id}},"instruction":"i","output":["{{new string('a', 1000)}}"]}""";

    // Two megabytes: several buffers.
    private string Lines(int count, params (int Index, string Line)[] others)
    {
        string[] lines = [.. Enumerable.Range(0, count).Select(Line)];
        foreach ((int index, string line) in others)
            lines[index] = line;
        return _folder.Write("x.jsonl", string.Join('\n', lines) + "\n");
    }

    /// <summary>Gives its bytes at the first read and fails at the second.</summary>
    private sealed class FailingStream(byte[] bytes) : MemoryStream(bytes)
    {
        public int Reads { get; private set; }

        public override int Read(Span<byte> buffer) => ++Reads == 1 ? base.Read(buffer) : throw new IOException("the line is dead");
    }
}
