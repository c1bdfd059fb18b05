using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Tuna.IO;

/// <summary>An append-only log, one JSON value a line, that survives being killed at any byte and admits one process at a time.</summary>
/// <remarks>
/// Each line is handed to the operating system in one write, so what <see cref="Append(ReadOnlySpan{byte})"/> has returned from survives
/// the end of the process; with
/// <see cref="JournalDurability.Disk"/> it survives the loss of power too. A line torn by an interruption is repaired when the journal is
/// opened: completed if only its newline is missing, removed otherwise. The lock is a file beside the journal (<see cref="FileLock"/>), so
/// that the journal itself stays readable for others. With checksums each line carries one of its own, as the last member of its object;
/// lines that do not agree with theirs are left in the file, are never given out, and are counted. Appending is thread-safe.
/// </remarks>
public sealed class JsonlJournal : IDisposable
{
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Lock _gate = new();
    private readonly FileLock _lock;
    private FileStream _stream;
    private readonly JournalDurability _durability;
    private readonly bool _checksums;
    private readonly ArrayBufferWriter<byte> _line = new(4096);
    private readonly SortedSet<long> _damaged = [];
    private bool _disposed;

    private JsonlJournal(string path, JournalDurability durability, bool checksums, FileLock exclusive)
    {
        Path = path;
        _durability = durability;
        _checksums = checksums;
        _lock = exclusive;
        _stream = OpenStream(path);
        try
        {
            RepairedBytes = Repair();
            _checksums |= LastLineHasOne(); // a file does not go back to lines without
            _stream.Seek(0, SeekOrigin.End);
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Bytes of a torn last line that opening removed; 0 when there was none.</summary>
    public long RepairedBytes { get; }

    /// <summary>Length in bytes.</summary>
    public long Length
    {
        get
        {
            lock (_gate)
                return _stream.Length;
        }
    }

    /// <summary>Numbers of the lines (1-based) that <see cref="ReadLines"/> has met and not given out, because they do not agree with their
    /// checksum.</summary>
    public IReadOnlyList<long> DamagedLines
    {
        get
        {
            lock (_gate)
                return [.. _damaged];
        }
    }

    /// <summary>Opens a journal, or creates it, for this process alone, and repairs its last line.</summary>
    /// <param name="path">The file; its folder is created when it is missing.</param>
    /// <param name="durability">What an append survives.</param>
    /// <param name="checksums">
    /// Whether appended lines carry a checksum, for which every value must be an object. Lines that have one are checked either way, and
    /// lines of before stay readable.
    /// </param>
    /// <exception cref="FileInUseException">Another process, or another journal object of this one, has it open.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static JsonlJournal Open(string path, JournalDurability durability = JournalDurability.Process, bool checksums = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        SpecialFile.Refuse(path);
        FileLock exclusive = FileLock.Acquire(path);
        try
        {
            return new JsonlJournal(path, durability, checksums, exclusive);
        }
        catch
        {
            exclusive.Dispose();
            throw;
        }
    }

    /// <summary>Whether a line that ends with a journal's checksum is as it was written; a line without one is taken as it is.</summary>
    /// <param name="line">A JSON object's UTF-8 bytes, from brace to brace.</param>
    /// <remarks>For files whose lines a journal wrote and that are read without opening the journal.</remarks>
    public static bool ChecksumAgrees(ReadOnlySpan<byte> line) =>
        line.Length < LineChecksum.SuffixLength || !LineChecksum.Resembles(line[^LineChecksum.SuffixLength..])
        || LineChecksum.Remove(line.ToArray()).State == LineState.Agrees;

    /// <summary>Reads what the journal held when the reading began, line by line, oldest first; blank lines are left out.</summary>
    /// <returns>Each line's number (1-based) and its bytes without the checksum, which are good until the next line is taken.</returns>
    /// <remarks>A line that does not agree with its checksum is left out and its number goes into <see cref="DamagedLines"/>.</remarks>
    internal IEnumerable<JournalLine> ReadLines()
    {
        long left = Length;
        using var stream = new FileStream(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0,
            FileOptions.SequentialScan);
        byte[] buffer = new byte[1 << 16];
        int start = 0, scan = 0, end = 0;
        long number = 0;
        bool mustHave = false;
        byte[]? first = null;
        while (true)
        {
            int newline = buffer.AsSpan(scan, end - scan).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                number++;
                int stop = scan + newline;
                int length = stop > start && buffer[stop - 1] == '\r' ? stop - start - 1 : stop - start;
                if (length > 0)
                {
                    bool had = mustHave;
                    JournalLine? line = Checked(buffer.AsMemory(start, length), number, ref mustHave);
                    if (first is not null && TakeFirst(ref first, others: !had && mustHave) is { } held)
                        yield return held;
                    if (number == 1 && !mustHave && line is { } alone)
                        first = alone.Json.ToArray(); // the next one tells
                    else if (line is { } taken)
                        yield return taken;
                }

                start = scan = stop + 1;
                continue;
            }

            scan = end;
            if (start > 0)
            {
                buffer.AsSpan(start, end - start).CopyTo(buffer);
                (scan, end, start) = (scan - start, end - start, 0);
            }

            if (end == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 2);
            int read = stream.Read(buffer, end, (int)Math.Min(buffer.Length - end, left));
            if (read == 0)
            {
                if (first is not null)
                    yield return new(1, first);
                yield break; // every line ends with its newline: opening saw to that
            }

            end += read;
            left -= read;
        }
    }

    /// <summary>What the journal held when the reading began, as a stream of lines without their checksums. A line that does not agree with
    /// its checksum is blank there, so that every other keeps its number, and is in <see cref="DamagedLines"/> once the stream has passed
    /// it.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public Stream OpenRead() => new JournalStream(this);

    /// <summary>Appends one JSON value.</summary>
    /// <param name="json">Its UTF-8 bytes, without a newline.</param>
    /// <exception cref="ArgumentException">It is empty or holds a newline.</exception>
    /// <exception cref="IOException">It could not be written; the journal is as it was.</exception>
    public void Append(ReadOnlySpan<byte> json)
    {
        if (json.IsEmpty || json.Contains((byte)'\n'))
            throw new ArgumentException("A journal line is not empty and holds no newline.", nameof(json));
        lock (_gate)
        {
            _line.ResetWrittenCount();
            _line.Write(json);
            AppendLine();
        }
    }

    /// <summary>Appends one JSON value.</summary>
    /// <param name="write">Writes the value.</param>
    /// <exception cref="IOException">It could not be written; the journal is as it was.</exception>
    public void Append(Action<Utf8JsonWriter> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        lock (_gate)
        {
            _line.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(_line, WriterOptions))
                write(json);
            if (_line.WrittenCount == 0 || _line.WrittenSpan.Contains((byte)'\n'))
                throw new ArgumentException("A journal line is not empty and holds no newline.", nameof(write));
            AppendLine();
        }
    }

    /// <summary>Waits until the disk holds all that was appended.</summary>
    public void FlushToDisk()
    {
        lock (_gate)
            _stream.Flush(flushToDisk: true);
    }

    /// <summary>Takes the lines that do not agree with their checksum out of the file, for whoever reads it without this class. All others
    /// keep their bytes and order; killed in the middle, the file is as before.</summary>
    /// <exception cref="IOException">It could not be written; the journal is as it was.</exception>
    public void RemoveDamagedLines()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _damaged.Clear();
            foreach (JournalLine line in ReadLines())
                _ = line; // only the checksums matter here
            if (_damaged.Count == 0)
                return;
            string partial = Leftovers.PartialOf(Path);
            try
            {
                using (var copy = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.Read))
                    CopyUndamaged(copy);
                _stream.Dispose();
                File.Move(partial, Path, overwrite: true);
                _damaged.Clear();
            }
            finally
            {
                File.Delete(partial);
                if (!_stream.CanRead)
                    _stream = OpenStream(Path);
                _stream.Seek(0, SeekOrigin.End);
            }
        }
    }

    /// <summary>Deletes the file, where what it holds is no longer needed, and closes the journal; no other process gets in
    /// between.</summary>
    public void Delete()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _disposed = true;
            _stream.Dispose(); // first: Windows deletes nothing that is open
            File.Delete(Path);
            _lock.Dispose();
        }
    }

    /// <summary>Closes the journal and lets other processes have it.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            _stream.Dispose();
            _lock.Dispose();
        }
    }

    // One line without a checksum before lines with: that is damage, more likely than a journal of one line by an earlier version; and its
    // entry can be made again.
    private JournalLine? TakeFirst(ref byte[]? first, bool others)
    {
        JournalLine line = new(1, first);
        first = null;
        if (!others)
            return line;
        lock (_gate)
            _damaged.Add(1);
        return null;
    }

    // Once a line has a checksum all later ones must: this version wrote them. Those before it, of an earlier version, are whole at least.
    private JournalLine? Checked(Memory<byte> line, long number, ref bool mustHave)
    {
        (LineState state, Memory<byte> json) = LineChecksum.Remove(line);
        mustHave |= state != LineState.Without;
        bool earlier = !mustHave && (!_checksums || JournalLine.IsWhole(json.Span));
        if (state == LineState.Agrees || earlier)
            return new(number, json);
        lock (_gate)
            _damaged.Add(number);
        return null;
    }

    private void CopyUndamaged(FileStream copy)
    {
        byte[] block = new byte[1 << 16];
        long number = 1;
        _stream.Seek(0, SeekOrigin.Begin);
        for (int count = _stream.Read(block); count > 0; count = _stream.Read(block))
        {
            for (int at = 0, length; at < count; at += length)
            {
                int newline = block.AsSpan(at, count - at).IndexOf((byte)'\n');
                length = newline < 0 ? count - at : newline + 1;
                if (!_damaged.Contains(number))
                    copy.Write(block, at, length);
                number += newline < 0 ? 0 : 1;
            }
        }

        copy.Flush(flushToDisk: true);
    }

    private static FileStream OpenStream(string path) =>
        new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);

    private void AppendLine()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_checksums)
            LineChecksum.Add(_line);
        _line.Write("\n"u8);
        long before = _stream.Position;
        try
        {
            _stream.Write(_line.WrittenSpan);
            if (_durability == JournalDurability.Disk)
                _stream.Flush(flushToDisk: true);
        }
        catch
        {
            // A full disk may have taken half a line; the next one must not be glued to it. (A file at its size limit is no IOException.)
            _stream.SetLength(before);
            _stream.Seek(before, SeekOrigin.Begin);
            throw;
        }
    }

    private long Repair()
    {
        long length = _stream.Length;
        long lastLine = AfterLastNewline(length);
        if (lastLine == length)
            return 0;
        byte[] tail = new byte[length - lastLine];
        _stream.Seek(lastLine, SeekOrigin.Begin);
        _stream.ReadExactly(tail);
        // Only the newline is missing, or is damaged.
        bool agrees = LineChecksum.Remove(tail.AsMemory(0, tail.Length - 1)).State == LineState.Agrees;
        int whole = JournalLine.IsWhole(tail) ? tail.Length : agrees ? tail.Length - 1 : 0;
        if (whole > 0)
        {
            _stream.Seek(lastLine + whole, SeekOrigin.Begin);
            _stream.Write("\n"u8);
            return 0;
        }

        _stream.SetLength(lastLine);
        return tail.Length;
    }

    private bool LastLineHasOne()
    {
        byte[] end = new byte[Math.Min(LineChecksum.SuffixLength + 1, _stream.Length)];
        _stream.Seek(-end.Length, SeekOrigin.End);
        _stream.ReadExactly(end);
        return end.Length > LineChecksum.SuffixLength && LineChecksum.Resembles(end.AsSpan(0, LineChecksum.SuffixLength));
    }

    private long AfterLastNewline(long length)
    {
        byte[] block = new byte[1 << 16];
        while (length > 0)
        {
            int count = (int)Math.Min(block.Length, length);
            _stream.Seek(length - count, SeekOrigin.Begin);
            _stream.ReadExactly(block, 0, count);
            int newline = block.AsSpan(0, count).LastIndexOf((byte)'\n');
            if (newline >= 0)
                return length - count + newline + 1;
            length -= count;
        }

        return 0;
    }
}
