using System.Text;
using Tuna.Data;

namespace Tuna.Data.Tests;

/// <summary>Memory is the whole process's, so that no other test runs meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public class ProcessMemory
{
    public const string Name = "process memory";
}

[Collection(ProcessMemory.Name)]
public class DataFileMemoryTests
{
    [Fact]
    public void Read_LargeFile_MemoryDoesNotGrow()
    {
        // 60 MB as a stream that is never stored; the rows are dropped as they come.
        byte[] row = Encoding.UTF8.GetBytes(
            $$"""{"id":"#######","instruction":"i","output":["{{new string('a', 3000)}}","{{new string('b', 3000)}}"],"score":[1,2]}"""
            + "\n");
        using var stream = new RepeatingStream(row, 10_000);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        int count = 0;
        foreach (RankedExample _ in DataFile.Read(stream, "big", RankedFormat.Instance))
        {
            if (++count % 2500 == 0)
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
        }

        Assert.Equal(10_000, count);
        Assert.True(most < 4 << 20, $"{most} bytes are held while reading");
    }

    /// <summary>The same row many times, with its number in place of the first seven '#'.</summary>
    private sealed class RepeatingStream(byte[] row, int rows) : Stream
    {
        private readonly int _digits = row.AsSpan().IndexOf((byte)'#');
        private long _position;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => (long)row.Length * rows;

        public override long Position { get => _position; set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            int number = (int)(_position / row.Length);
            if (number == rows)
                return 0;
            int offset = (int)(_position % row.Length);
            for (int d = 0, rest = number; d < 7; d++, rest /= 10)
                row[_digits + 6 - d] = (byte)('0' + (rest % 10));
            int count = Math.Min(buffer.Length, row.Length - offset);
            row.AsSpan(offset, count).CopyTo(buffer);
            _position += count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
