using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Tuna.Tokenizers.ByteLevel;

namespace Tuna.Tokenizers.Models;

/// <summary>Byte-pair encoding (Sennrich et al., arXiv 1508.07909) over pairs of ids, as Hugging Face tokenizers do it.</summary>
/// <remarks>Words that were seen are remembered, up to a number.</remarks>
internal sealed class BpeModel : ITextModel
{
    private const int MostRemembered = 32_768;
    private const int LongestRemembered = 64;
    private const int LongestScanned = 32;

    private readonly Dictionary<(int, int), (int Rank, int Id)> _merges;
    private readonly BpeOptions _options;
    private readonly int[] _byteIds;
    private readonly int[] _unitIds = new int[0x300];
    private readonly ConcurrentDictionary<string, int[]> _words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _wordLookup;
    private readonly int? _unknownId;
    private readonly string _where;
    private int _remembered;

    /// <param name="vocabulary">Pieces and ids.</param>
    /// <param name="merges">Pairs, best first; of a pair that is named twice the later place counts.</param>
    /// <param name="options">Settings.</param>
    /// <param name="where">File and place, for messages.</param>
    /// <exception cref="InvalidDataException">A merge speaks of pieces that are not in the vocabulary.</exception>
    public BpeModel(Vocabulary vocabulary, IReadOnlyList<(string Left, string Right)> merges, BpeOptions options, string where)
    {
        Vocabulary = vocabulary;
        _options = options;
        _unknownId = options.Unknown is { } unknown ? vocabulary.IdOf(unknown) : null;
        _where = where;
        _merges = new(merges.Count);
        _byteIds = vocabulary.ByteIds();
        _wordLookup = _words.GetAlternateLookup<ReadOnlySpan<char>>();
        for (int rank = 0; rank < merges.Count; rank++)
        {
            (string left, string right) = merges[rank];
            if (vocabulary.IdOf(left) is not { } a || vocabulary.IdOf(right) is not { } b || Joined(left, right) is not { } id)
                throw new InvalidDataException(
                    $"{where}: merge {rank} ('{left}' + '{right}') speaks of pieces that are not in the vocabulary.");
            _merges[(a, b)] = (rank, id);
        }

        for (int c = 0; c < _unitIds.Length; c++)
            _unitIds[c] = vocabulary.TryGetId([(char)c], out int id) ? id : -1;

        int? Joined(string left, string right) =>
            right.StartsWith(options.ContinuingPrefix, StringComparison.Ordinal)
                ? vocabulary.IdOf(left + right[options.ContinuingPrefix.Length..]) : null;
    }

    public Vocabulary Vocabulary { get; }

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        if (word.Length > LongestRemembered)
        {
            EncodeAnew(word, ids);
            return;
        }

        if (!_wordLookup.TryGetValue(word, out int[]? known))
        {
            int before = ids.Count;
            EncodeAnew(word, ids);
            known = CollectionsMarshal.AsSpan(ids)[before..].ToArray();
            if (_remembered < MostRemembered && _wordLookup.TryAdd(word, known))
                Interlocked.Increment(ref _remembered);
            return;
        }

        ids.AddRange(known);
    }

    private void EncodeAnew(ReadOnlySpan<char> word, List<int> ids)
    {
        if (_options.SpellBytes)
            word = ByteLevelAlphabet.Spell(word);
        if (_options.IgnoreMerges && Vocabulary.TryGetId(word, out int whole))
        {
            ids.Add(whole);
            return;
        }

        var symbols = new List<BpeSymbol>(word.Length);
        Symbols(word, symbols);
        if (symbols.Count <= LongestScanned)
            MergeByScanning(symbols, ids);
        else
            MergeByQueue(symbols, ids);
    }

    /// <summary>One symbol for each character, or for each byte of those that are no piece.</summary>
    private void Symbols(ReadOnlySpan<char> word, List<BpeSymbol> symbols)
    {
        bool plain = _options.ContinuingPrefix.Length == 0 && _options.WordSuffix.Length == 0;
        int place = 0, units = 0; // places in UTF-8 bytes, so that the bytes of one character have a length each
        int pending = 0; // length of the unknown run that is not yet a symbol
        foreach (Rune rune in word.EnumerateRunes())
        {
            ReadOnlySpan<char> piece = word.Slice(units, rune.Utf16SequenceLength);
            units += rune.Utf16SequenceLength;
            int length = rune.Utf8SequenceLength;
            if (!plain)
                piece = $"{(place > 0 ? _options.ContinuingPrefix : "")}{piece}{(units == word.Length ? _options.WordSuffix : "")}";
            int id = plain && rune.Value < _unitIds.Length ? _unitIds[rune.Value] : Vocabulary.TryGetId(piece, out int found) ? found : -1;
            if (id >= 0)
            {
                FlushUnknown();
                symbols.Add(new BpeSymbol(place, length, id));
            }
            else if (!(_options.ByteFallback && AddBytes(piece, place, symbols)) && _options.Unknown is not null)
            {
                if (!_options.FuseUnknown)
                    FlushUnknown();
                pending += length;
            }

            place += length;
        }

        FlushUnknown();

        // As in Hugging Face tokenizers, bytes of a later character overtake an unknown one that is still waiting.
        void FlushUnknown()
        {
            if (pending > 0)
                symbols.Add(new BpeSymbol(place, pending, _unknownId ?? throw NoUnknown()));
            pending = 0;
        }
    }

    private InvalidDataException NoUnknown() =>
        new($"{_where}: the text needs the unknown token '{_options.Unknown}', which is not in the vocabulary.");

    private bool AddBytes(ReadOnlySpan<char> piece, int place, List<BpeSymbol> symbols)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(piece)];
        Encoding.UTF8.GetBytes(piece, bytes);
        if (Array.Exists(bytes, b => _byteIds[b] < 0))
            return false;
        for (int i = 0; i < bytes.Length; i++)
            symbols.Add(new BpeSymbol(place + i, 1, _byteIds[bytes[i]]));
        return true;
    }

    /// <summary>Merges a short word: the best pair is looked for again after each merge.</summary>
    private void MergeByScanning(List<BpeSymbol> symbols, List<int> ids)
    {
        Span<int> tokens = stackalloc int[LongestScanned];
        Span<int> ranks = stackalloc int[LongestScanned]; // of the pair that begins here
        Span<int> merged = stackalloc int[LongestScanned];
        int count = symbols.Count;
        for (int i = 0; i < count; i++)
            tokens[i] = symbols[i].Id;
        for (int i = 0; i + 1 < count; i++)
            Look(i, tokens, ranks, merged);
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i + 1 < count; i++)
            {
                if (ranks[i] < ranks[best])
                    best = i;
            }

            if (ranks[best] == int.MaxValue)
                break;
            tokens[best] = merged[best];
            int rest = count - best - 2;
            tokens.Slice(best + 2, rest).CopyTo(tokens[(best + 1)..]);
            ranks.Slice(best + 2, rest).CopyTo(ranks[(best + 1)..]);
            merged.Slice(best + 2, rest).CopyTo(merged[(best + 1)..]);
            count--;
            if (best > 0)
                Look(best - 1, tokens, ranks, merged);
            if (best + 1 < count)
                Look(best, tokens, ranks, merged);
        }

        ids.AddRange(tokens[..count]);
    }

    private void Look(int at, Span<int> tokens, Span<int> ranks, Span<int> merged)
    {
        bool found = _merges.TryGetValue((tokens[at], tokens[at + 1]), out (int Rank, int Id) merge);
        ranks[at] = found ? merge.Rank : int.MaxValue;
        merged[at] = merge.Id;
    }

    private void MergeByQueue(List<BpeSymbol> symbols, List<int> ids)
    {
        BpeMerger<Table>.Merge("", symbols, new Table(_merges));
        for (int i = 0; i >= 0; i = symbols[i].Next)
            ids.Add(symbols[i].Id);
    }

    private readonly struct Table(Dictionary<(int, int), (int Rank, int Id)> merges) : IMergeTable
    {
        public bool TryMerge(string text, in BpeSymbol left, in BpeSymbol right, out int id, out double priority)
        {
            bool found = merges.TryGetValue((left.Id, right.Id), out (int Rank, int Id) merge);
            (priority, id) = merge;
            return found;
        }
    }
}
