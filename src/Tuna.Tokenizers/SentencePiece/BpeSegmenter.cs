namespace Tuna.Tokenizers.SentencePiece;

/// <summary>SentencePiece's BPE: merges neighbours whose joined text is a piece, best score first, of equal scores the leftmost.</summary>
internal sealed class BpeSegmenter(SentencePieceModelFile file, Dictionary<string, int> ids) : ISegmenter
{
    private readonly bool _hasUnused = file.Pieces.Any(p => p.Type == PieceType.Unused);

    public IEnumerable<(int Start, int Length)> Segment(string text, List<BpeSymbol> symbols)
    {
        // A piece marked unused takes part in merging and is then taken apart the way it was put together.
        Dictionary<string, int>? cuts = _hasUnused ? new(StringComparer.Ordinal) : null;
        BpeMerger<Table>.Merge(text, symbols, new Table(file, ids.GetAlternateLookup<ReadOnlySpan<char>>(), cuts));
        for (int i = 0; i >= 0; i = symbols[i].Next)
        {
            if (cuts is null)
            {
                yield return (symbols[i].Start, symbols[i].Length);
                continue;
            }

            foreach ((int Start, int Length) part in TakeApart(text, symbols[i].Start, symbols[i].Length, cuts))
                yield return part;
        }
    }

    private IEnumerable<(int Start, int Length)> TakeApart(string text, int start, int length, Dictionary<string, int> cuts)
    {
        string piece = text.Substring(start, length);
        if (!ids.TryGetValue(piece, out int id) || file.Pieces[id].Type != PieceType.Unused || !cuts.TryGetValue(piece, out int cut))
            return [(start, length)];
        return TakeApart(text, start, cut, cuts).Concat(TakeApart(text, start + cut, length - cut, cuts));
    }

    private readonly struct Table(SentencePieceModelFile file, Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> ids,
        Dictionary<string, int>? cuts) : IMergeTable
    {
        public bool TryMerge(string text, in BpeSymbol left, in BpeSymbol right, out int id, out double priority)
        {
            priority = 0;
            ReadOnlySpan<char> piece = text.AsSpan(left.Start, left.Length + right.Length);
            if (!ids.TryGetValue(piece, out id))
                return false;
            priority = -file.Pieces[id].Score;
            if (cuts is not null && file.Pieces[id].Type == PieceType.Unused)
                cuts[piece.ToString()] = left.Length;
            return true;
        }
    }
}
