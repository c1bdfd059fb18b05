using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace Tuna.Data;

/// <summary>A large file of ranked JSON Lines, cut into blocks that are read and scanned side by side, ahead of whoever takes the
/// rows.</summary>
/// <remarks>
/// A block has the rows that start in its part of the file, wherever they end; so blocks need nothing of one another, and rows and line
/// numbers come as from one pass. Four blocks are in memory. Used by one thread.
/// </remarks>
internal sealed class RankedBlocks : IDisposable
{
    /// <summary>Bytes of a block: with what is known about its rows they stay in a second-level cache.</summary>
    public const int BlockBytes = 1 << 19;

    // Most rows end within this much of the next block: it is read along.
    private const int Beyond = 1 << 14;

    // One more than two, so that neither thread waits for the rows of its last block to be taken.
    private const int Ahead = 3;

    private readonly FileStream _file;
    private readonly int _maxRowBytes;
    private readonly int _blockBytes;
    private readonly Queue<Task<Block>> _coming = new();
    private readonly Stack<Block> _free = new();
    private long _next;

    /// <summary>Starts reading.</summary>
    /// <param name="file">The file; it is closed with this.</param>
    /// <param name="maxRowBytes">Longest row.</param>
    /// <param name="blockBytes">Bytes of a block.</param>
    public RankedBlocks(FileStream file, int maxRowBytes, int blockBytes = BlockBytes)
    {
        (_file, _maxRowBytes, _blockBytes) = (file, maxRowBytes, blockBytes);
        for (int i = 0; i < Ahead; i++)
            Start();
    }

    /// <summary>Whether a file is worth it: of several blocks, and JSON Lines from its first byte on.</summary>
    public static bool Suits(FileStream file, int blockBytes = BlockBytes)
    {
        Span<byte> first = stackalloc byte[1];
        return Environment.ProcessorCount > 1 && file.CanSeek && file.Length >= 4L * blockBytes
            && RandomAccess.Read(file.SafeFileHandle, first, 0) == 1 && first[0] == '{';
    }

    /// <summary>The next block; the one before is used again.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Block Next(Block? before)
    {
        if (before is not null)
            _free.Push(before);
        Block block = _coming.Peek().GetAwaiter().GetResult();
        _coming.Dequeue();
        if (!block.IsLast)
            Start();
        return block;
    }

    public void Dispose()
    {
        // The tasks write into buffers and read the file: both stay until they are done.
        foreach (Task task in _coming)
            task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
        _file.Dispose();
    }

    private void Start()
    {
        Block block = _free.TryPop(out Block? used) ? used : new Block(_blockBytes + Beyond);
        long from = _next++ * _blockBytes;
        _coming.Enqueue(Task.Run(() => block.Load(_file.SafeFileHandle, from, _blockBytes, _maxRowBytes)));
    }

    /// <summary>The rows that start in one part of the file.</summary>
    public sealed class Block(int bytes)
    {
        private readonly List<Row> _rows = [];
        private readonly List<RankedRowScan> _scans = [];
        private byte[] _buffer = new byte[bytes];
        private int _count;
        private bool _endOfFile;

        /// <summary>The rows, blank lines left out.</summary>
        public IReadOnlyList<Row> Rows => _rows;

        /// <summary>Lines of the block.</summary>
        public int Lines { get; private set; }

        /// <summary>Whether the file ends here.</summary>
        public bool IsLast { get; private set; }

        /// <summary>Whether a row follows these that is longer than allowed.</summary>
        public bool EndsInTooLongRow { get; private set; }

        /// <summary>A row's bytes.</summary>
        public ReadOnlyMemory<byte> Bytes(in Row row) => _buffer.AsMemory(row.Start, row.Length);

        /// <summary>A row's scan; null when it is out of the ordinary.</summary>
        public RankedRowScan? Scan(int i) => _rows[i].IsScanned ? _scans[i] : null;

        /// <summary>Reads and scans the rows that start in [from, from + bytes) of the file.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public Block Load(SafeFileHandle file, long from, int bytes, int maxRowBytes)
        {
            _rows.Clear();
            (Lines, _count, _endOfFile, EndsInTooLongRow) = (0, 0, false, false);
            // A row starts after a line's end: the byte before tells whether one starts at once.
            long offset = Math.Max(0, from - 1);
            int end = (int)(from - offset) + bytes, start = 0;
            Fill(file, offset, end + Beyond);
            IsLast = _endOfFile && _count <= end;
            if (from > 0 && !TryFindEnd(file, offset, 0, end, out start))
                return this;
            while (start < end && start < _count)
            {
                bool terminated = TryFindEnd(file, offset, start, start + maxRowBytes, out int next);
                EndsInTooLongRow = next - start > maxRowBytes;
                if (EndsInTooLongRow)
                    return this;
                Add(start, terminated ? next - 1 : next, terminated);
                Lines++;
                start = next;
            }

            return this;
        }

        // The place after the next line feed, which is looked for as far as a limit; the data's end when there is none before it.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private bool TryFindEnd(SafeFileHandle file, long offset, int start, int limit, out int next)
        {
            int seen = start;
            while (true)
            {
                int at = _buffer.AsSpan(seen, _count - seen).IndexOf((byte)'\n');
                next = at < 0 ? _count : seen + at + 1;
                if (at >= 0 || _endOfFile || _count > limit)
                    return at >= 0;
                seen = _count;
                Fill(file, offset, _count + Math.Max(Beyond, _count - start));
            }
        }

        private void Fill(SafeFileHandle file, long offset, int count)
        {
            if (_buffer.Length < count)
                Array.Resize(ref _buffer, count);
            while (_count < count && !_endOfFile)
            {
                int read = RandomAccess.Read(file, _buffer.AsSpan(_count, count - _count), offset + _count);
                _count += read;
                _endOfFile = read == 0;
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Add(int start, int end, bool terminated)
        {
            while (start < end && RowSplitter.IsSpace(_buffer[start]))
                start++;
            while (end > start && RowSplitter.IsSpace(_buffer[end - 1]))
                end--;
            if (start == end)
                return;
            int i = _rows.Count;
            if (i == _scans.Count)
                _scans.Add(new());
            _rows.Add(new(start, end - start, Lines, terminated, _scans[i].TryScan(_buffer.AsMemory(start, end - start))));
        }
    }

    /// <summary>A row of a block.</summary>
    /// <param name="Start">Its first byte.</param>
    /// <param name="Length">Its bytes.</param>
    /// <param name="Line">Its line in the block, from 0 on.</param>
    /// <param name="IsTerminated">Whether a line feed follows.</param>
    /// <param name="IsScanned">Whether its scan could be done.</param>
    public readonly record struct Row(int Start, int Length, int Line, bool IsTerminated, bool IsScanned);
}
