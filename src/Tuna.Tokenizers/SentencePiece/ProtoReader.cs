namespace Tuna.Tokenizers.SentencePiece;

/// <summary>Reads the wire format of protocol buffers; every length is checked.</summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> data)
{
    private ReadOnlySpan<byte> _rest = data;

    /// <summary>Reads the next field's number and wire type; false at the end.</summary>
    public bool Next(out int field, out int wire)
    {
        field = wire = 0;
        if (_rest.IsEmpty)
            return false;
        ulong key = Varint();
        field = (int)(key >> 3);
        wire = (int)(key & 7);
        return true;
    }

    public ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte b = Fixed(1)[0];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }

        throw new FormatException("a number is longer than ten bytes.");
    }

    public ReadOnlySpan<byte> Bytes()
    {
        ulong length = Varint();
        return length > (ulong)_rest.Length
            ? throw new FormatException($"a field claims {length} bytes, {_rest.Length} are left.") : Fixed((int)length);
    }

    public ReadOnlySpan<byte> Fixed(int length)
    {
        if (length > _rest.Length)
            throw new FormatException("it ends in the middle of a field.");
        ReadOnlySpan<byte> bytes = _rest[..length];
        _rest = _rest[length..];
        return bytes;
    }

    public void Skip(int wire)
    {
        switch (wire)
        {
            case 0: Varint(); break;
            case 1: Fixed(8); break;
            case 2: Bytes(); break;
            case 5: Fixed(4); break;
            default: throw new FormatException($"wire type {wire} is unknown.");
        }
    }
}
