using System.Text;

namespace Tuna.Tokenizers.SentencePiece;

/// <summary>
/// SentencePiece's unigram model (Kudo, arXiv 1804.10959): the segmentation of the highest summed score, by dynamic programming.
/// </summary>
internal sealed class UnigramSegmenter : ISegmenter
{
    private const float UnknownPenalty = 10; // below the worst score, as SentencePiece has it

    private readonly SentencePieceModelFile _file;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _ids;
    private readonly int _longest;
    private readonly float _best;
    private readonly float _unknown;

    public UnigramSegmenter(SentencePieceModelFile file, Dictionary<string, int> ids)
    {
        _file = file;
        _ids = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _longest = ids.Keys.Max(k => k.Length);
        float[] scores = [.. file.Pieces.Where(p => p.Type == PieceType.Normal).Select(p => p.Score)];
        _best = scores.Max();
        _unknown = scores.Min() - UnknownPenalty;
    }

    public IEnumerable<(int Start, int Length)> Segment(string text, List<BpeSymbol> symbols)
    {
        var score = new float[text.Length + 1];
        var from = new int[text.Length + 1];
        Array.Fill(from, -1);
        for (int start = 0; start < text.Length;)
        {
            int one = char.IsHighSurrogate(text[start]) && start + 1 < text.Length ? 2 : 1;
            bool single = false;
            for (int length = 1; length <= Math.Min(_longest, text.Length - start); length++)
            {
                ReadOnlySpan<char> piece = text.AsSpan(start, length);
                if (!_ids.TryGetValue(piece, out int id) || _file.Pieces[id].Type == PieceType.Unused)
                    continue;
                // A user-defined symbol outscores every segmentation of its bytes.
                float own = _file.Pieces[id].Type == PieceType.UserDefined
                    ? (Encoding.UTF8.GetByteCount(piece) * _best) - 0.1f : _file.Pieces[id].Score;
                Reach(start, start + length, own);
                single |= length == one;
            }

            if (!single)
                Reach(start, start + one, _unknown);
            start += one;
        }

        var pieces = new Stack<(int, int)>();
        for (int end = text.Length; end > 0; end = from[end])
            pieces.Push((from[end], end - from[end]));
        return pieces;

        void Reach(int start, int end, float own)
        {
            float total = own + score[start];
            if (from[end] < 0 || total > score[end])
            {
                score[end] = total;
                from[end] = start;
            }
        }
    }
}
