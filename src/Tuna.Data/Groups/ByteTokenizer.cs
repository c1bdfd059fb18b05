using System.Text;
using Tuna.Tokenization;

namespace Tuna.Data.Groups;

/// <summary>UTF-8 bytes as tokens: 0 unknown, 1 begin, 2 end, then 3 + byte; 259 ids. Needs no files; for small models and tests.</summary>
public sealed class ByteTokenizer : ITokenizer
{
    private const int FirstByte = 3;

    /// <summary>The shared instance (it has no state).</summary>
    public static ByteTokenizer Instance { get; } = new();

    /// <inheritdoc/>
    public int VocabularySize => FirstByte + 256;

    /// <inheritdoc/>
    public int? BosId => 1;

    /// <inheritdoc/>
    public int EosId => 2;

    /// <inheritdoc/>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        return Array.ConvertAll(bytes, b => b + FirstByte);
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var bytes = new byte[ids.Length];
        int n = 0;
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)VocabularySize)
                throw new ArgumentOutOfRangeException(nameof(ids), id, $"Token ids are in [0, {VocabularySize}).");
            if (id >= FirstByte)
                bytes[n++] = (byte)(id - FirstByte);
        }

        return Encoding.UTF8.GetString(bytes, 0, n);
    }
}
