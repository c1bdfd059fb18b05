namespace Tuna.IO;

/// <summary>What a journal holds as a text of lines, without checksums. Lines that were left out are blank, so that every other keeps its
/// number.</summary>
internal sealed class JournalStream(JsonlJournal journal) : ForwardStream
{
    private readonly IEnumerator<JournalLine> _lines = journal.ReadLines().GetEnumerator();
    private ReadOnlyMemory<byte> _rest; // of the line that is being handed out
    private long _ended; // lines whose newline was handed out
    private bool _atEnd;

    public override int Read(Span<byte> buffer)
    {
        int filled = 0;
        while (filled < buffer.Length && !_atEnd)
        {
            if (_rest.IsEmpty && _ended == _lines.Current.Number && !Next())
                break;
            if (_ended < _lines.Current.Number - 1 || _rest.IsEmpty)
            {
                buffer[filled++] = (byte)'\n';
                _ended++;
                continue;
            }

            int count = Math.Min(_rest.Length, buffer.Length - filled);
            _rest.Span[..count].CopyTo(buffer[filled..]);
            _rest = _rest[count..];
            filled += count;
        }

        return filled;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _lines.Dispose();
        base.Dispose(disposing);
    }

    private bool Next()
    {
        _atEnd = !_lines.MoveNext();
        _rest = _atEnd ? default : _lines.Current.Json;
        return !_atEnd;
    }
}
