using System.Text;

namespace Tuna.Tokenizers.SentencePiece;

/// <summary>SentencePiece (Kudo and Richardson, arXiv 1808.06226) with its exact order of merges, spaces and unknown runs.</summary>
/// <remarks>
/// Microsoft.ML.Tokenizers 2.0 differs from SentencePiece in the order of equal merges, in runs of unknown characters, in user-defined
/// symbols
/// and in decoding byte runs and first spaces. A test compares the two and tells when this class is no longer needed.
/// </remarks>
internal sealed class SentencePieceModel : ISubwordModel
{
    private const char Space = '\u2581';

    private readonly SentencePieceModelFile _file;
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal); // the pieces that text can become
    private readonly Dictionary<string, int> _reserved = new(StringComparer.Ordinal);
    private readonly int[] _byteIds = new int[256];
    private readonly AddedTokenSplitter _userDefined;
    private readonly ISegmenter _segmenter;

    public SentencePieceModel(SentencePieceModelFile file)
    {
        _file = file;
        var userDefined = new List<AddedToken>();
        for (int id = 0; id < file.Pieces.Count; id++)
        {
            Piece piece = file.Pieces[id];
            bool fromText = piece.Type is PieceType.Normal or PieceType.UserDefined or PieceType.Unused;
            (fromText ? _ids : _reserved).TryAdd(piece.Text, id);
            if (piece.Type == PieceType.Byte)
                _byteIds[piece.Byte!.Value] = id;
            if (piece.Type == PieceType.UserDefined)
                userDefined.Add(new AddedToken(id, piece.Text, Special: false));
        }

        _userDefined = new AddedTokenSplitter(userDefined.Select(t => (t, t.Content)));
        _segmenter = file.ModelType == 2 ? new BpeSegmenter(file, _ids) : new UnigramSegmenter(file, _ids);
    }

    public SentencePieceModelFile File => _file;

    public int VocabularySize => _file.Pieces.Count;

    // User-defined symbols are matched here, between the dummy prefix and the segments, and not by the caller.
    public IEnumerable<AddedToken> DeclaredTokens => _file.Pieces.Select((p, id) => (p, id)).Where(x => x.p.Type == PieceType.Control)
        .Select(x => new AddedToken(x.id, x.p.Text, Special: true));

    public string? PieceOf(int id) => (uint)id < (uint)_file.Pieces.Count ? _file.Pieces[id].Text : null;

    public int? IdOf(string piece) => _reserved.TryGetValue(piece, out int id) || _ids.TryGetValue(piece, out id) ? id : null;

    public void Encode(string text, bool startsText, List<int> ids)
    {
        List<BpeSymbol> symbols = [];
        string normalized = Normalize(text, startsText, symbols);
        if (normalized.Length == 0)
            return;
        bool previousUnknown = false;
        foreach ((int start, int length) in _segmenter.Segment(normalized, symbols))
        {
            string piece = normalized.Substring(start, length);
            int id = IdOf(piece) ?? _file.UnknownId;
            bool unknown = id == _file.UnknownId;
            if (unknown && _file.ByteFallback)
            {
                foreach (byte b in Encoding.UTF8.GetBytes(piece))
                    ids.Add(_byteIds[b]);
            }
            else if (!unknown || !previousUnknown)
            {
                ids.Add(id);
            }

            previousUnknown = unknown;
        }
    }

    /// <summary>
    /// SentencePiece's normalizer without a character map: spaces trimmed and squeezed when the model says so, the dummy prefix, spaces
    /// escaped.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="startsText">Whether the dummy prefix is due.</param>
    /// <param name="symbols">Receives one symbol for each character and one, frozen, for each user-defined symbol.</param>
    private string Normalize(string text, bool startsText, List<BpeSymbol> symbols)
    {
        bool squeeze = _file.RemoveExtraWhitespaces;
        if (squeeze)
            text = text.TrimStart(' ');
        if (text.Length == 0)
            return "";
        char space = _file.EscapeWhitespaces ? Space : ' ';
        var result = new StringBuilder(text.Length + 1);
        bool prefix = _file.AddDummyPrefix && startsText;
        if (prefix && !_file.WhitespaceAsSuffix)
            Add(space.ToString(), frozen: false);

        bool afterSpace = squeeze;
        var found = new List<int>();
        _userDefined.Split(text, special: true, found, (part, _) =>
        {
            Flush();
            for (int i = 0; i < part.Length;)
            {
                int length = char.IsHighSurrogate(part[i]) && i + 1 < part.Length ? 2 : 1;
                if (part[i] != ' ')
                    Add(part.Substring(i, length), frozen: false);
                else if (!(squeeze && afterSpace))
                    Add(space.ToString(), frozen: false);
                afterSpace = squeeze && part[i] == ' ';
                i += length;
            }
        });
        Flush();

        if (squeeze)
        {
            while (symbols.Count > 0 && !symbols[^1].Frozen && result[symbols[^1].Start] == space)
            {
                result.Length = symbols[^1].Start;
                symbols.RemoveAt(symbols.Count - 1);
            }
        }

        if (prefix && _file.WhitespaceAsSuffix)
            Add(space.ToString(), frozen: false);
        return result.ToString();

        void Flush()
        {
            foreach (int id in found)
            {
                Add(_file.Pieces[id].Text, frozen: true);
                afterSpace = false;
            }

            found.Clear();
        }

        void Add(string piece, bool frozen)
        {
            symbols.Add(new BpeSymbol(result.Length, piece.Length, -1, frozen));
            result.Append(piece);
        }
    }

    public string Decode(ReadOnlySpan<(int Id, string? Content)> tokens)
    {
        var text = new StringBuilder();
        var bytes = new List<byte>();
        bool atStart = true;
        bool spaceDropped = false;
        foreach ((int id, string? content) in tokens)
        {
            Piece piece = content is null ? _file.Pieces[id] : new Piece(content, 0, PieceType.Control);
            if (piece.Type == PieceType.Byte)
            {
                bytes.Add(piece.Byte!.Value);
                continue;
            }

            Utf8Bytes.AppendOneReplacementPerByte(text, bytes);
            if (spaceDropped || text.Length > 0)
                atStart = false;
            spaceDropped = false;
            if (content is not null)
            {
                text.Append(content);
            }
            else if (piece.Type == PieceType.Unknown)
            {
                text.Append(_file.UnknownSurface);
            }
            else if (piece.Type != PieceType.Control)
            {
                ReadOnlySpan<char> shown = piece.Text;
                if (atStart && (_file.AddDummyPrefix || _file.RemoveExtraWhitespaces) && shown.Length > 0 && shown[0] == Space)
                {
                    shown = shown[1..];
                    spaceDropped = !_file.RemoveExtraWhitespaces; // squeezing models drop every leading space
                }

                foreach (char c in shown)
                    text.Append(c == Space ? ' ' : c);
            }
        }

        Utf8Bytes.AppendOneReplacementPerByte(text, bytes);
        return text.ToString();
    }
}
