using System.Runtime.InteropServices;

namespace Tuna.Tokenizers;

/// <summary>
/// Byte-pair merging with a queue: always the merge of the best priority, of equal ones the leftmost, as SentencePiece and Hugging Face
/// tokenizers do.
/// </summary>
/// <typeparam name="TTable">Says which neighbours merge; a struct, so that the calls are inlined.</typeparam>
internal static class BpeMerger<TTable>
    where TTable : struct, IMergeTable
{
    /// <summary>Merges until nothing merges.</summary>
    /// <param name="text">The text that the symbols cut up.</param>
    /// <param name="symbols">Symbols in text order, each linked to its neighbours by index; merged in place. The first stays the head of
    /// the list.</param>
    /// <param name="table">What merges.</param>
    public static void Merge(string text, List<BpeSymbol> symbols, TTable table)
    {
        var queue = new PriorityQueue<(int Left, int Right, int Length, int Id), (double Priority, int Left)>();
        Span<BpeSymbol> s = CollectionsMarshal.AsSpan(symbols);
        for (int i = 0; i < s.Length; i++)
        {
            s[i].Previous = i - 1;
            s[i].Next = i + 1 < s.Length ? i + 1 : -1;
        }

        for (int i = 1; i < s.Length; i++)
            Offer(s, i - 1, i);
        while (queue.TryDequeue(out (int Left, int Right, int Length, int Id) merge, out _))
        {
            ref BpeSymbol left = ref s[merge.Left];
            ref BpeSymbol right = ref s[merge.Right];
            if (left.Length == 0 || right.Length == 0 || left.Length + right.Length != merge.Length)
                continue; // one of the two has merged with another neighbour since
            left.Length = merge.Length;
            left.Id = merge.Id;
            left.Next = right.Next;
            right.Length = 0;
            if (left.Next >= 0)
                s[left.Next].Previous = merge.Left;
            if (left.Previous >= 0)
                Offer(s, left.Previous, merge.Left);
            if (left.Next >= 0)
                Offer(s, merge.Left, left.Next);
        }

        void Offer(Span<BpeSymbol> s, int left, int right)
        {
            if (!s[left].Frozen && !s[right].Frozen && table.TryMerge(text, s[left], s[right], out int id, out double priority))
                queue.Enqueue((left, right, s[left].Length + s[right].Length, id), (priority, left));
        }
    }
}

/// <summary>Which neighbouring symbols merge, into what, and how early.</summary>
internal interface IMergeTable
{
    /// <summary>Looks up a merge; a smaller priority merges earlier.</summary>
    bool TryMerge(string text, in BpeSymbol left, in BpeSymbol right, out int id, out double priority);
}

/// <summary>A stretch of the text on its way to becoming a token.</summary>
internal struct BpeSymbol(int start, int length, int id, bool frozen = false)
{
    /// <summary>First character.</summary>
    public int Start = start;

    /// <summary>
    /// Characters; 0 once it was merged into the symbol before it. For byte tokens the share of the character, at least 1, may overlap.
    /// </summary>
    public int Length = length;

    /// <summary>Token id, or -1 when the stretch is no token.</summary>
    public int Id = id;

    /// <summary>Index of the symbol before, or -1.</summary>
    public int Previous;

    /// <summary>Index of the symbol after, or -1.</summary>
    public int Next;

    /// <summary>Whether the symbol never merges.</summary>
    public bool Frozen = frozen;
}
