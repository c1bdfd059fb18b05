using System.Globalization;

namespace Tuna.Tokenizers.Models;

/// <summary>Pieces and their ids.</summary>
internal sealed class Vocabulary
{
    /// <summary>The largest id that is believed. Published vocabularies end below a million.</summary>
    public const int LargestId = 16_777_215;

    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly string?[] _pieces;

    /// <param name="ids">Id of each piece.</param>
    /// <param name="where">File and place, for messages.</param>
    /// <exception cref="InvalidDataException">An id is out of range or two pieces have the same.</exception>
    public Vocabulary(Dictionary<string, int> ids, string where)
    {
        _ids = ids;
        _lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        int largest = -1;
        foreach ((string piece, int id) in ids)
        {
            if (id is < 0 or > LargestId)
                throw new InvalidDataException($"{where}: piece '{piece}' has id {id}; ids are in [0, {LargestId}].");
            largest = Math.Max(largest, id);
        }

        _pieces = new string?[largest + 1];
        foreach ((string piece, int id) in ids)
        {
            if (_pieces[id] is { } other)
                throw new InvalidDataException($"{where}: pieces '{other}' and '{piece}' have the same id {id}.");
            _pieces[id] = piece;
        }
    }

    /// <summary>Number of pieces.</summary>
    public int Count => _ids.Count;

    /// <summary>One more than the largest id.</summary>
    public int Size => _pieces.Length;

    public bool TryGetId(ReadOnlySpan<char> piece, out int id) => _lookup.TryGetValue(piece, out id);

    public int? IdOf(string piece) => _ids.TryGetValue(piece, out int id) ? id : null;

    public string? PieceOf(int id) => (uint)id < (uint)_pieces.Length ? _pieces[id] : null;

    /// <summary>Ids of the pieces <c>&lt;0x00&gt;</c> to <c>&lt;0xFF&gt;</c>; -1 for those that are missing.</summary>
    public int[] ByteIds()
    {
        var ids = new int[256];
        for (int b = 0; b < 256; b++)
            ids[b] = IdOf(string.Create(CultureInfo.InvariantCulture, $"<0x{b:X2}>")) ?? -1;
        return ids;
    }
}
