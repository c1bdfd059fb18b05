using Tuna.IO;
using Tuna.Data.Groups;
using Tuna.Text;
using Tuna.Tokenization;
using Tuna.Tokenizers.ByteLevel;
using Tuna.Tokenizers.Json;
using Tuna.Tokenizers.Models;
using Tuna.Tokenizers.PreTokenizers;
using Tuna.Tokenizers.SentencePiece;

namespace Tuna.Tokenizers;

/// <summary>
/// The tokenizer of a Hugging Face model folder: SentencePiece, tokenizer.json (byte-level or SentencePiece-style BPE) or tiktoken ranks.
/// </summary>
/// <remarks>
/// Immutable and thread-safe. Ids equal those of SentencePiece and of Hugging Face tokenizers. <see cref="Encode(string)"/> takes text that
/// looks like a
/// special token for text, so what users write cannot end a turn; <see cref="EncodeWithSpecialTokens"/> and
/// <see cref="ForChatPrompts"/> are for prompts that a chat template wrote.
/// </remarks>
public sealed class HuggingFaceTokenizer : ITokenizer
{
    private static readonly string[] UsualEos = ["<|eot_id|>", "<|end_of_text|>", "</s>", "<|im_end|>", "<|endoftext|>"];

    private readonly ISubwordModel _model;
    private readonly Dictionary<int, AddedToken> _added = [];
    private readonly Dictionary<string, int> _addedIds = new(StringComparer.Ordinal);
    private readonly AddedTokenSplitter _written; // looked for in the text as it was written
    private readonly AddedTokenSplitter _normalized; // looked for in the normalized text

    private HuggingFaceTokenizer(TokenizerSource source, HuggingFaceTokenizerOptions options)
    {
        _model = source.Model;
        foreach (AddedToken token in _model.DeclaredTokens.Concat(source.AddedTokens))
        {
            // Such as a <pad> that a fine-tuning added: the model has no row for it, no training saw it and no text becomes it.
            if (!token.Special || token.Id < source.ModelVocabulary || _model.VocabularySize > source.ModelVocabulary)
                Add(token, source.Path);
        }

        VocabularySize = Math.Max(_model.VocabularySize, _added.Count == 0 ? 0 : _added.Keys.Max() + 1);
        // Special tokens first, as Hugging Face tokenizers does where two have the same spelling.
        AddedToken[] ordered = [.. _added.Values.OrderBy(t => !t.Special)];
        _written = new AddedTokenSplitter(ordered.Where(t => !t.Normalized).Select(t => (t, t.Content)));
        _normalized = new AddedTokenSplitter(ordered.Where(t => t.Normalized).Select(t => (t, Normalize(t.Content))));
        BosId = BeginToken.Of(source, options, IdOf);
        EosId = EndToken(source, options);
        ForChatPrompts = new ChatTokenizer(this);
    }

    /// <inheritdoc/>
    public int VocabularySize { get; }

    /// <inheritdoc/>
    public int? BosId { get; }

    /// <inheritdoc/>
    public int EosId { get; }

    /// <summary>The added tokens, by id: special ones and words.</summary>
    public IReadOnlyDictionary<int, AddedToken> AddedTokens => _added;

    /// <summary>
    /// The same tokenizer with an <see cref="ITokenizer.Encode"/> that recognises special tokens in texts that BEGIN with one, as the
    /// prompts of
    /// <see cref="Llama3PromptTemplate"/> do; every other text, responses above all, is encoded as text.
    /// </summary>
    public ITokenizer ForChatPrompts { get; }

    /// <summary>
    /// Loads the tokenizer of a folder: tokenizer.model when it is a SentencePiece model, else tokenizer.json, else tiktoken ranks
    /// (tokenizer.model, *.tiktoken).
    /// </summary>
    /// <remarks>A special token beyond the vocab_size of the folder's config.json, as a <c>&lt;pad&gt;</c> that came later, is left out:
    /// the model has no row for it.</remarks>
    /// <param name="folder">A Hugging Face model folder.</param>
    /// <param name="options">What the files do not say; null takes all from them.</param>
    /// <exception cref="FileNotFoundException">The folder holds no tokenizer.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the token that ends a response is unknown.</exception>
    /// <exception cref="NotSupportedException">The tokenizer is of a kind that the LLaMA family does not use.</exception>
    public static HuggingFaceTokenizer Load(string folder, HuggingFaceTokenizerOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        return WithShortMessages(() => FromFolder(folder, options));
    }

    private static HuggingFaceTokenizer FromFolder(string folder, HuggingFaceTokenizerOptions? options)
    {
        TokenizerConfig config = TokenizerConfig.Read(folder);
        string model = Path.Combine(folder, "tokenizer.model");
        string json = Path.Combine(folder, "tokenizer.json");
        SpecialFile.Refuse(model);
        if (File.Exists(model) && IsSentencePiece(model))
            return FromFile(model, config, options);
        if (File.Exists(json))
            return FromFile(json, config, options);
        if (!File.Exists(model))
            model = Directory.Exists(folder)
                ? Directory.EnumerateFiles(folder, "*.tiktoken").Order(StringComparer.Ordinal).FirstOrDefault() ?? model : model;
        return File.Exists(model)
            ? FromFile(model, config, options)
            : throw new FileNotFoundException(
                $"'{folder}' holds no tokenizer: neither tokenizer.model nor tokenizer.json nor a .tiktoken file.", model);
    }

    /// <summary>Loads one tokenizer file, whatever its name: a SentencePiece model, a tokenizer.json or tiktoken ranks.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What the file does not say.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or the token that ends a response is unknown.</exception>
    /// <exception cref="NotSupportedException">The tokenizer is of a kind that the LLaMA family does not use.</exception>
    public static HuggingFaceTokenizer LoadFile(string path, HuggingFaceTokenizerOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return WithShortMessages(() => FromFile(path, new TokenizerConfig(), options));
    }

    // Messages quote pieces, which may be as long as the file and may hold what steers a terminal.
    private static HuggingFaceTokenizer WithShortMessages(Func<HuggingFaceTokenizer> load)
    {
        try
        {
            return load();
        }
        catch (InvalidDataException e) when (Short(e) != e.Message)
        {
            throw new InvalidDataException(Short(e), e.InnerException);
        }
        catch (NotSupportedException e) when (Short(e) != e.Message)
        {
            throw new NotSupportedException(Short(e), e.InnerException);
        }

        static string Short(Exception e) => ForeignText.Shorten(e.Message, 800);
    }

    private static HuggingFaceTokenizer FromFile(string path, TokenizerConfig config, HuggingFaceTokenizerOptions? options)
    {
        SpecialFile.Refuse(path);
        options ??= new HuggingFaceTokenizerOptions();
        if (IsSentencePiece(path))
        {
            var pieces = new SentencePieceModel(SentencePieceModelFile.Read(path));
            // tokenizer_config.json repeats the model's own control tokens.
            IEnumerable<AddedToken> more = config.AddedTokens.Where(t => t.Id >= pieces.VocabularySize || t.Special);
            return new HuggingFaceTokenizer(
                new(path, pieces, more, config) { DeclaredBos = pieces.File.BosId, DeclaredEos = pieces.File.EosId }, options);
        }

        if (FirstByte(path) == '{')
        {
            TokenizerJson json = TokenizerJson.Read(path);
            return new HuggingFaceTokenizer(
                new(path, json.Model, json.AddedTokens.Concat(config.AddedTokens), config) { Frame = json.Frame }, options);
        }

        var ranks = new TiktokenModel(path, options.Pattern ?? Patterns.Llama3);
        IReadOnlyList<AddedToken> special = options.SpecialTokens
            ?? (config.AddedTokens.Count > 0 ? config.AddedTokens : Llama3SpecialTokens.After(ranks.VocabularySize));
        return new HuggingFaceTokenizer(new(path, ranks, special, config), options);
    }

    private void Add(AddedToken token, string path)
    {
        if (token.Id is < 0 or > Vocabulary.LargestId || string.IsNullOrEmpty(token.Content))
            throw new InvalidDataException(
                $"'{path}': added token {token.Id} ('{token.Content}') has no text, or an id outside [0, {Vocabulary.LargestId}].");
        if (_addedIds.TryGetValue(token.Content, out int other) && other != token.Id)
            throw new InvalidDataException(
                $"'{path}': the token '{token.Content}' has two ids, {other} and {token.Id}, here and in the files beside it.");
        if (_model.PieceOf(token.Id) is { } piece && piece != token.Content && Yields(piece, token.Id))
            throw new InvalidDataException(
                $"'{path}': the added token '{token.Content}' has id {token.Id}, which is the piece '{piece}' of texts.");
        if (_added.TryGetValue(token.Id, out AddedToken? before))
            _addedIds.Remove(before.Content);
        _added[token.Id] = token;
        _addedIds[token.Content] = token.Id;
    }

    /// <summary>Whether text can become an id: reserved pieces, which files give new names, cannot.</summary>
    private bool Yields(string piece, int id)
    {
        string text = _model.Decode([(id, null)]);
        var ids = new List<int>();
        foreach (string spelling in new[] { piece, text, " " + text })
        {
            bool starts = true;
            string normalized = spelling.Length == 0 ? "" : _model.Normalize(spelling, ref starts);
            if (normalized.Length > 0)
                _model.Encode(normalized, starts, ids);
        }

        return ids.Contains(id);
    }

    private int EndToken(TokenizerSource source, HuggingFaceTokenizerOptions options)
    {
        string? eos = options.EosToken ?? source.Config.Eos;
        if (!string.IsNullOrEmpty(eos))
            return IdOf(eos) ?? throw source.Missing(eos, nameof(options.EosToken));
        return (source.DeclaredEos >= 0 ? source.DeclaredEos : UsualEos.Select(IdOf).FirstOrDefault(id => id is not null))
            ?? throw new InvalidDataException(
                $"'{source.Path}' does not say which token ends a response; name it as eos_token in tokenizer_config.json beside it, " +
                $"or set {nameof(HuggingFaceTokenizerOptions)}.{nameof(options.EosToken)}.");
    }

    /// <inheritdoc/>
    public int[] Encode(string text) => Encode(text, special: false);

    /// <summary>Encodes a text in which special tokens, written out, stand for themselves: a chat prompt. Adds none.</summary>
    /// <remarks>A SentencePiece model puts no dummy prefix space after a special token.</remarks>
    public int[] EncodeWithSpecialTokens(string text) => Encode(text, special: true);

    private int[] Encode(string text, bool special)
    {
        ArgumentNullException.ThrowIfNull(text);
        var ids = new List<int>((text.Length / 3) + 1);
        text = Utf8Bytes.WellFormed(text);
        if (_written.IsEmpty)
            EncodeWritten(text, true);
        else
            _written.Split(text, special, ids, EncodeWritten);
        return [.. ids];

        void EncodeWritten(string part, bool starts)
        {
            if (part.Length > 0)
                part = _model.Normalize(part, ref starts);
            if (part.Length == 0)
                return;
            if (_normalized.IsEmpty)
                _model.Encode(part, starts, ids);
            else
                _normalized.Split(part, special, ids, (words, first) => _model.Encode(words, starts && first, ids));
        }
    }

    private string Normalize(string text)
    {
        bool starts = true;
        return _model.Normalize(text, ref starts);
    }

    /// <inheritdoc/>
    public string Decode(ReadOnlySpan<int> ids) => Decode(ids, showSpecial: false);

    /// <summary>Decodes ids and writes special tokens out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is outside the vocabulary.</exception>
    public string DecodeWithSpecialTokens(ReadOnlySpan<int> ids) => Decode(ids, showSpecial: true);

    private string Decode(ReadOnlySpan<int> ids, bool showSpecial)
    {
        var tokens = new List<(int, string?)>(ids.Length);
        foreach (int id in ids)
        {
            if ((uint)id >= (uint)VocabularySize)
                throw new ArgumentOutOfRangeException(nameof(ids), id, $"Token ids are in [0, {VocabularySize}).");
            AddedToken? added = _added.GetValueOrDefault(id);
            if (added is null || !added.Special || showSpecial)
                tokens.Add((id, added?.Content));
        }

        return _model.Decode(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(tokens));
    }

    /// <summary>
    /// The token of an id as the vocabulary spells it (U+2581 or the byte-level alphabet for spaces), or null where the vocabulary has a
    /// gap.
    /// </summary>
    public string? TokenOf(int id) => _added.TryGetValue(id, out AddedToken? token) ? token.Content : _model.PieceOf(id);

    /// <summary>The id of a token as the vocabulary spells it, or null.</summary>
    public int? IdOf(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _addedIds.TryGetValue(token, out int id) ? id : _model.IdOf(token);
    }

    private static int FirstByte(string path)
    {
        using FileStream stream = File.OpenRead(path);
        int b;
        do
            b = stream.ReadByte();
        while (b is ' ' or '\n' or '\r' or '\t' or 0xEF or 0xBB or 0xBF);
        return b;
    }

    private static bool IsSentencePiece(string path)
    {
        Span<byte> start = stackalloc byte[3];
        using FileStream stream = File.OpenRead(path);
        return SentencePieceModelFile.Looks(start[..stream.ReadAtLeast(start, 3, throwOnEndOfStream: false)]);
    }

    /// <summary>The tokenizer behind <see cref="ForChatPrompts"/>, or the given one; null for one of another kind.</summary>
    internal static HuggingFaceTokenizer? Of(ITokenizer tokenizer) =>
        tokenizer is ChatTokenizer chat ? chat.Whole : tokenizer as HuggingFaceTokenizer;

    private sealed class ChatTokenizer(HuggingFaceTokenizer tokenizer) : ITokenizer
    {
        public HuggingFaceTokenizer Whole => tokenizer;

        private readonly string[] _special = [.. tokenizer._added.Values.Where(t => t.Special).Select(t => t.Content)];

        public int VocabularySize => tokenizer.VocabularySize;

        public int? BosId => tokenizer.BosId;

        public int EosId => tokenizer.EosId;

        public int[] Encode(string text)
        {
            ArgumentNullException.ThrowIfNull(text);
            return Array.Exists(_special, t => text.StartsWith(t, StringComparison.Ordinal))
                ? tokenizer.EncodeWithSpecialTokens(text) : tokenizer.Encode(text);
        }

        public string Decode(ReadOnlySpan<int> ids) => tokenizer.Decode(ids);
    }
}
