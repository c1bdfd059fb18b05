using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.Tokenizers;
using Tuna.Tokenizers.PreTokenizers;

namespace Tuna.Tokenizers.ByteLevel;

/// <summary>
/// Byte-level BPE from tiktoken ranks: lines of base64 bytes and a rank that is the id; the merging is Microsoft.ML.Tokenizers'.
/// </summary>
internal sealed class TiktokenModel : ISubwordModel
{
    private readonly TiktokenTokenizer _tiktoken;
    private readonly byte[][] _pieces;

    public TiktokenModel(string path, string pattern)
    {
        _pieces = ReadRanks(path);
        using FileStream stream = File.OpenRead(path);
        _tiktoken = TiktokenTokenizer.Create(stream, new CodePointPreTokenizer(TextPattern.OfRegex(pattern, $"'{path}'")),
            normalizer: null);
    }

    public int VocabularySize => _pieces.Length;

    public IEnumerable<AddedToken> DeclaredTokens => [];

    public string? PieceOf(int id)
    {
        if ((uint)id >= (uint)_pieces.Length)
            return null;
        return Encoding.UTF8.GetString(_pieces[id]);
    }

    public int? IdOf(string piece)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(piece);
        int id = Array.FindIndex(_pieces, p => p.AsSpan().SequenceEqual(bytes));
        return id < 0 ? null : id;
    }

    public void Encode(string text, bool startsText, List<int> ids) => ids.AddRange(_tiktoken.EncodeToIds(text));

    public string Decode(ReadOnlySpan<(int Id, string? Content)> tokens)
    {
        var bytes = new List<byte>();
        foreach ((int id, string? content) in tokens)
            bytes.AddRange(content is not null ? Encoding.UTF8.GetBytes(content) : (uint)id < (uint)_pieces.Length ? _pieces[id] : []);
        return Encoding.UTF8.GetString(CollectionsMarshal.AsSpan(bytes));
    }

    private static byte[][] ReadRanks(string path)
    {
        var pieces = new SortedDictionary<int, byte[]>();
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0)
                continue;
            int space = line.IndexOf(' ', StringComparison.Ordinal);
            var bytes = new byte[line.Length];
            if (space < 0 || !Convert.TryFromBase64Chars(line.AsSpan(0, space), bytes, out int length)
                || !int.TryParse(line.AsSpan(space + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int rank)
                    || !pieces.TryAdd(rank, bytes[..length]))
                throw new InvalidDataException(
                    $"'{path}' line {number}: expected base64 bytes, a space and a rank of its own, as in a tiktoken file.");
        }

        if (pieces.Count == 0 || pieces.Keys.Last() != pieces.Count - 1)
            throw new InvalidDataException($"'{path}': the ranks are not 0 to {pieces.Count - 1}.");
        return [.. pieces.Values];
    }
}
