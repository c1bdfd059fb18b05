using System.Buffers;
using System.Runtime.CompilerServices;

namespace Tuna.Data;

/// <summary>Cuts a stream of bytes into rows: the lines of JSONL or the elements of one JSON array, told apart by the first
/// character.</summary>
/// <remarks>
/// One pooled buffer, which grows to the longest row. No byte is looked at twice when a row needs more data. It only finds where rows end
/// (strings and escapes are followed, grammar is not checked); the row's own parser does the rest. A mutable class, used by one thread.
/// </remarks>
internal sealed class RowSplitter(string source, int maxRowBytes, int bufferBytes = 1 << 18) : IDisposable
{
    private static readonly SearchValues<byte> Structure = SearchValues.Create("\"{}[]\n"u8);
    private static readonly SearchValues<byte> InString = SearchValues.Create("\"\\\n"u8);

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(bufferBytes);
    private int _start; // first byte not yet handed out
    private int _scan; // first byte not yet scanned
    private int _end;
    private bool _endOfInput;
    private State _state = State.Beginning;
    private long _line = 1; // line of _scan
    private long _rowLine;
    private long _index = -1;
    private int _depth;
    private bool _inString;

    private enum State
    {
        Beginning,
        Line,
        BeforeElement,
        Element,
        AfterElement,
        Trailing,
        End,
    }

    public enum Result
    {
        Row,
        NeedData,
        End,
    }

    /// <summary>Where the row last returned is.</summary>
    public DataPlace Place => new(source, _rowLine, _index, InArray);

    public bool InArray { get; private set; }

    /// <summary>Whether the row last returned ended with the file, without a newline: the place where an interrupted write is cut
    /// off.</summary>
    public bool Unterminated => _state == State.End && !InArray;

    /// <summary>Room for more input.</summary>
    public Memory<byte> FreeSpace()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _scan -= _start;
            _start = 0;
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= maxRowBytes)
                throw Error(TooLong(maxRowBytes), _state == State.Line ? _line : _rowLine);
            byte[] larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }

        return _buffer.AsMemory(_end);
    }

    /// <summary>Tells how much was put into <see cref="FreeSpace"/>; 0 ends the input.</summary>
    public void Filled(int count)
    {
        _end += count;
        _endOfInput |= count == 0;
    }

    /// <summary>The next row; its bytes are good until the next call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public Result Next(out ReadOnlyMemory<byte> row)
    {
        row = default;
        while (true)
        {
            bool moved = _state switch
            {
                State.Beginning => Begin(),
                State.Line => NextLine(out row),
                State.BeforeElement or State.AfterElement => Between(),
                State.Element => Element(out row),
                State.Trailing => Trailing(),
                _ => false,
            };
            if (!row.IsEmpty)
                return Result.Row;
            if (_state == State.End)
                return Result.End;
            if (!moved)
                return Result.NeedData;
        }
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    // Skips a byte order mark and decides between an array and lines.
    private bool Begin()
    {
        Span<byte> head = _buffer.AsSpan(_start, _end - _start);
        if (head.Length < 3 && !_endOfInput)
            return false;
        if (head.StartsWith("\uFEFF"u8))
            _start = _scan = _start + 3;
        else if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
            throw new DataFormatException("the file is UTF-16. Save it as UTF-8.", DataPlace.Whole(source));
        while (_start < _end && IsSpace(_buffer[_start]))
        {
            if (_buffer[_start] == '\n')
                _line++;
            _start++;
        }

        _scan = _start;
        if (_start == _end)
        {
            if (_endOfInput)
                _state = State.End;
            return false;
        }

        InArray = _buffer[_start] == '[';
        if (InArray)
            _scan = ++_start;
        _state = InArray ? State.BeforeElement : State.Line;
        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool NextLine(out ReadOnlyMemory<byte> row)
    {
        row = default;
        int newline = _buffer.AsSpan(_scan, _end - _scan).IndexOf((byte)'\n');
        if (newline < 0 && !_endOfInput)
        {
            _scan = _end;
            return false;
        }

        int end = newline < 0 ? _end : _scan + newline;
        int from = _start;
        int to = end;
        while (from < to && IsSpace(_buffer[from]))
            from++;
        while (to > from && IsSpace(_buffer[to - 1]))
            to--;
        _rowLine = _line;
        if (newline < 0)
        {
            _state = State.End;
            _start = _scan = _end;
        }
        else
        {
            _line++;
            _start = _scan = end + 1;
        }

        if (to > from)
        {
            _index++;
            row = _buffer.AsMemory(from, to - from);
        }

        return true;
    }

    // Between two elements of the array: spaces, a comma, the closing bracket.
    private bool Between()
    {
        for (; _scan < _end; _scan++)
        {
            byte b = _buffer[_scan];
            if (b == '\n')
                _line++;
            if (IsSpace(b))
                continue;
            if (b == ']' && (_state == State.AfterElement || _index < 0))
            {
                _start = ++_scan;
                _state = State.Trailing;
                return true;
            }

            if (_state == State.AfterElement)
            {
                if (b != ',')
                    throw Error($"expected a comma or ] after element [{_index}], found '{(char)b}'.", _line);
                _state = State.BeforeElement;
                continue;
            }

            if (b != '{')
                throw Error($"expected an object for element [{_index + 1}], found '{(char)b}'.", _line);
            _start = _scan++;
            _rowLine = _line;
            _index++;
            _depth = 1;
            _inString = false;
            _state = State.Element;
            return true;
        }

        _start = _scan;
        if (_endOfInput)
            throw Error($"the array ends after {_index + 1} elements without its ]: the file is cut off.", _line);
        return false;
    }

    // After the array's closing bracket.
    private bool Trailing()
    {
        for (; _scan < _end; _scan++)
        {
            if (_buffer[_scan] == '\n')
                _line++;
            if (!IsSpace(_buffer[_scan]))
                throw Error("there is text after the array's closing ].", _line);
        }

        _start = _scan;
        if (_endOfInput)
            _state = State.End;
        return false;
    }

    private bool Element(out ReadOnlyMemory<byte> row)
    {
        row = default;
        while (true)
        {
            ReadOnlySpan<byte> rest = _buffer.AsSpan(_scan, _end - _scan);
            int at = rest.IndexOfAny(_inString ? InString : Structure);
            if (at < 0)
            {
                _scan = _end;
                break;
            }

            byte b = rest[at];
            if (b == '\\' && at + 1 == rest.Length)
            {
                _scan += at; // the escaped byte is not here yet
                break;
            }

            _scan += at + (b == '\\' ? 2 : 1);
            switch (b)
            {
                case (byte)'\n':
                    _line++;
                    break;
                case (byte)'"':
                    _inString = !_inString;
                    break;
                case (byte)'{' or (byte)'[':
                    _depth++;
                    break;
                case (byte)'}' or (byte)']':
                    _depth--;
                    break;
            }

            if (_depth == 0)
            {
                row = _buffer.AsMemory(_start, _scan - _start);
                _start = _scan;
                _state = State.AfterElement;
                return true;
            }
        }

        if (_endOfInput)
            throw Error("the file ends inside this element: it is cut off, or a quote or bracket is missing.", _rowLine);
        return false;
    }

    /// <summary>What is wrong with a row that is longer than allowed.</summary>
    public static string TooLong(int maxRowBytes) =>
        $"the row is longer than {maxRowBytes} bytes. Is a quote or a bracket missing? Otherwise raise "
        + $"{nameof(DataReadOptions.MaxRowBytes)}.";

    private DataFormatException Error(string message, long line) =>
        new(message, new(source, line, Math.Max(_index, 0), InArray && _index >= 0));

    /// <summary>Whether a byte is one of JSON's spaces.</summary>
    public static bool IsSpace(byte b) => b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n';
}
