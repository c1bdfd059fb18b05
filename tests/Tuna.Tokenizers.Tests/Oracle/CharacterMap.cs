using System.Buffers.Binary;
using System.Text;

namespace Tuna.Tokenizers.Tests.Oracle;

/// <summary>Makes a map as SentencePiece stores it: a double array over UTF-8 bytes, whose values are places in a table of texts.</summary>
internal static class CharacterMap
{
    private const int Block = 256; // places of one node's children: one for each byte, 0 for the value

    /// <summary>The map of some texts, none a duplicate, in base64 (<c>precompiled_charsmap</c>).</summary>
    public static string Of(params IReadOnlyList<(string From, string To)> entries)
    {
        var texts = new List<byte>();
        var root = new Node();
        foreach ((string from, string to) in entries)
        {
            Node node = root;
            foreach (byte b in Encoding.UTF8.GetBytes(from))
                node = node.Children.TryGetValue(b, out Node? next) ? next : node.Children[b] = new Node();
            node.Value = texts.Count;
            texts.AddRange([.. Encoding.UTF8.GetBytes(to), 0]);
        }

        var units = new List<uint>(new uint[Block]);
        Place(root, 0, 0, units);
        byte[] bytes = new byte[4 + (4 * units.Count) + texts.Count];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, (uint)(4 * units.Count));
        for (int i = 0; i < units.Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(4 + (4 * i)), units[i]);
        texts.CopyTo(bytes, 4 + (4 * units.Count));
        return Convert.ToBase64String(bytes);
    }

    // A unit holds the byte that leads to it, whether its node has a value, and what its place is combined with to reach its children.
    private static void Place(Node node, int at, byte label, List<uint> units)
    {
        int children = units.Count;
        units.AddRange(new uint[Block]);
        units[at] = ((uint)(at ^ children) << 10) | (node.Value is null ? 0u : 1u << 8) | label;
        if (node.Value is { } value)
            units[children] = (uint)value | (1u << 31);
        foreach ((byte b, Node child) in node.Children)
            Place(child, children ^ b, b, units);
    }

    private sealed class Node
    {
        public SortedDictionary<byte, Node> Children { get; } = [];

        public int? Value { get; set; }
    }
}
