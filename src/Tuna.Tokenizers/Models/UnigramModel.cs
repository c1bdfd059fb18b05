using System.Text;

namespace Tuna.Tokenizers.Models;

/// <summary>
/// The unigram model (Kudo, arXiv 1804.10959): the segmentation of the highest summed score, as Hugging Face tokenizers find it.
/// </summary>
internal sealed class UnigramModel : ITextModel
{
    private const double UnknownPenalty = 10; // below the worst score

    private readonly double[] _scores;
    private readonly int? _unknownId;
    private readonly int[]? _byteIds;
    private readonly int _longest;
    private readonly double _unknown;
    private readonly string _where;

    /// <param name="vocabulary">Pieces; their ids are their places among <paramref name="scores"/>.</param>
    /// <param name="scores">Natural logarithm of each piece's probability, by id.</param>
    /// <param name="unknownId">Id for characters that are no piece; null makes them an error.</param>
    /// <param name="byteFallback">Whether unknown stretches become their bytes' pieces, where all are in the vocabulary.</param>
    /// <param name="where">File and place, for messages.</param>
    public UnigramModel(Vocabulary vocabulary, double[] scores, int? unknownId, bool byteFallback, string where)
    {
        Vocabulary = vocabulary;
        _scores = scores;
        _unknownId = unknownId;
        _byteIds = byteFallback ? vocabulary.ByteIds() : null;
        _longest = Enumerable.Range(0, vocabulary.Size).Max(id => vocabulary.PieceOf(id)?.Length ?? 0);
        _unknown = scores.Min() - UnknownPenalty;
        _where = where;
    }

    public Vocabulary Vocabulary { get; }

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        var from = new int[word.Length + 1];
        var tokens = new int[word.Length + 1];
        Search(word, from, tokens);

        var parts = new Stack<(int Start, int End, int Id)>();
        for (int end = word.Length; end > 0; end = from[end])
        {
            bool joins = tokens[end] == _unknownId && parts.TryPeek(out var next) && next.Id == _unknownId;
            parts.Push((from[end], joins ? parts.Pop().End : end, tokens[end]));
        }

        foreach ((int start, int end, _) in parts)
            Add(word[start..end], ids);
    }

    private void Search(ReadOnlySpan<char> word, int[] from, int[] tokens)
    {
        var best = new double[word.Length + 1];
        Array.Fill(from, -1);
        for (int start = 0; start < word.Length;)
        {
            int one = char.IsHighSurrogate(word[start]) && start + 1 < word.Length ? 2 : 1;
            bool single = false;
            for (int length = 1; length <= Math.Min(_longest, word.Length - start); length++)
            {
                if (!Vocabulary.TryGetId(word.Slice(start, length), out int id))
                    continue;
                Reach(start, start + length, _scores[id], id);
                single |= length == one;
            }

            if (!single)
                Reach(start, start + one, _unknown, _unknownId ?? throw new InvalidDataException($"{_where}: the text holds '{word.Slice(start, one)}', which is no piece, and the model has no unk_id."));
            start += one;
        }

        void Reach(int start, int end, double score, int id)
        {
            double total = score + best[start];
            if (from[end] >= 0 && total <= best[end])
                return;
            best[end] = total;
            from[end] = start;
            tokens[end] = id;
        }
    }

    private void Add(ReadOnlySpan<char> piece, List<int> ids)
    {
        if (Vocabulary.TryGetId(piece, out int id))
        {
            ids.Add(id);
            return;
        }

        if (_byteIds is not null)
        {
            var bytes = new byte[Encoding.UTF8.GetByteCount(piece)];
            Encoding.UTF8.GetBytes(piece, bytes);
            if (!Array.Exists(bytes, b => _byteIds[b] < 0))
            {
                foreach (byte b in bytes)
                    ids.Add(_byteIds[b]);
                return;
            }
        }

        ids.Add(_unknownId!.Value);
    }
}
