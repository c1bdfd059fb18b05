using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.SentencePiece;

/// <summary>What a piece of a SentencePiece vocabulary is; the values are those of sentencepiece_model.proto.</summary>
internal enum PieceType
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// <summary>One piece of a SentencePiece vocabulary.</summary>
internal readonly record struct Piece(string Text, float Score, PieceType Type)
{
    /// <summary>The byte that a piece such as &lt;0x0A&gt; stands for, or null.</summary>
    public byte? Byte => Text.Length == 6 && Text.StartsWith("<0x", StringComparison.Ordinal) && Text[5] == '>'
        && byte.TryParse(Text.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value) ? value : null;
}

/// <summary>The fields of a SentencePiece model file (sentencepiece_model.proto) that segmentation and decoding need.</summary>
internal sealed class SentencePieceModelFile
{
    public List<Piece> Pieces { get; } = [];

    /// <summary>1 unigram, 2 BPE, 3 word, 4 character.</summary>
    public int ModelType { get; private set; } = 1;

    public bool ByteFallback { get; private set; }

    public bool WhitespaceAsSuffix { get; private set; }

    public int UnknownId { get; private set; }

    public int BosId { get; private set; } = 1;

    public int EosId { get; private set; } = 2;

    /// <summary>What decoding shows for an unknown piece.</summary>
    public string UnknownSurface { get; private set; } = " \u2047 ";

    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraWhitespaces { get; private set; } = true;

    public bool EscapeWhitespaces { get; private set; } = true;

    public bool HasCharacterMap { get; private set; }

    private bool _hasTrainer;
    private bool _hasNormalizer;

    /// <summary>Whether a file starts like a SentencePiece model: with a piece message, whose own first field is the text.</summary>
    public static bool Looks(ReadOnlySpan<byte> start) => start.Length > 2 && start[0] == 0x0A && start[2] == 0x0A;

    public static SentencePieceModelFile Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        var file = new SentencePieceModelFile();
        try
        {
            var reader = new ProtoReader(bytes);
            while (reader.Next(out int field, out int wire))
            {
                if (wire != 2)
                    reader.Skip(wire);
                else if (field == 1)
                    file.ReadPiece(reader.Bytes());
                else if (field == 2)
                    file.ReadTrainer(reader.Bytes());
                else if (field == 3)
                    file.ReadNormalizer(reader.Bytes());
                else
                    reader.Bytes();
            }
        }
        catch (FormatException e)
        {
            throw new InvalidDataException($"'{path}' is not a SentencePiece model or is cut short: {e.Message}", e);
        }

        file.Validate(path);
        return file;
    }

    private void Validate(string path)
    {
        if (Pieces.Count == 0)
            throw new InvalidDataException($"'{path}' holds no pieces.");
        // They follow the pieces: without them, the file was cut between two pieces.
        if (!_hasTrainer || !_hasNormalizer)
            throw new InvalidDataException($"'{path}' is cut short: it lacks the trainer's or the normalizer's settings.");
        if (HasCharacterMap)
            throw new NotSupportedException(
                $"'{path}' normalizes text with a character map (such as nmt_nfkc). Models of the LLaMA family use the identity; others "
                + $"are not supported.");
        if (ModelType is not (1 or 2))
            throw new NotSupportedException($"'{path}' is of model type {ModelType}; supported are 1 (unigram) and 2 (BPE).");
        if ((uint)UnknownId >= (uint)Pieces.Count || Pieces[UnknownId].Type != PieceType.Unknown)
            throw new InvalidDataException($"'{path}': id {UnknownId} should be the unknown piece.");
        foreach ((string name, int id) in new[] { ("bos_id", BosId), ("eos_id", EosId) })
        {
            if (id < -1 || id >= Pieces.Count)
                throw new InvalidDataException($"'{path}': {name} is {id} and there are {Pieces.Count} pieces; -1 means none.");
        }

        ValidatePieces(path);
    }

    private void ValidatePieces(string path)
    {
        var bytes = new HashSet<byte>();
        for (int id = 0; id < Pieces.Count; id++)
        {
            Piece piece = Pieces[id];
            if (!Enum.IsDefined(piece.Type))
                throw new NotSupportedException($"'{path}': piece {id} ('{piece.Text}') is of type {(int)piece.Type}, which is not known.");
            if (piece.Text.Length == 0 || !float.IsFinite(piece.Score))
                throw new InvalidDataException(
                    $"'{path}': piece {id} ('{piece.Text}') has no text, or its score {piece.Score} is not finite.");
            if (piece.Type != PieceType.Byte)
                continue;
            if (piece.Byte is not { } value)
                throw new InvalidDataException($"'{path}': piece {id} ('{piece.Text}') is a byte piece, which should be <0x00> to <0xFF>.");
            if (!bytes.Add(value))
                throw new InvalidDataException($"'{path}': piece {id} ('{piece.Text}') is there twice.");
        }

        if (ByteFallback && bytes.Count != 256)
            throw new InvalidDataException($"'{path}' asks for byte fallback and holds {bytes.Count} of the 256 byte pieces.");
    }

    private void ReadPiece(ReadOnlySpan<byte> message)
    {
        string text = "";
        float score = 0;
        int type = 1;
        var reader = new ProtoReader(message);
        while (reader.Next(out int field, out int wire))
        {
            switch (field, wire)
            {
                case (1, 2): text = Encoding.UTF8.GetString(reader.Bytes()); break;
                case (2, 5): score = BinaryPrimitives.ReadSingleLittleEndian(reader.Fixed(4)); break;
                case (3, 0): type = (int)reader.Varint(); break;
                default: reader.Skip(wire); break;
            }
        }

        Pieces.Add(new Piece(text, score, (PieceType)type));
    }

    private void ReadTrainer(ReadOnlySpan<byte> message)
    {
        _hasTrainer = true;
        var reader = new ProtoReader(message);
        while (reader.Next(out int field, out int wire))
        {
            switch (field, wire)
            {
                case (3, 0): ModelType = (int)reader.Varint(); break;
                case (24, 0): WhitespaceAsSuffix = reader.Varint() != 0; break;
                case (35, 0): ByteFallback = reader.Varint() != 0; break;
                case (40, 0): UnknownId = (int)reader.Varint(); break;
                case (41, 0): BosId = (int)reader.Varint(); break;
                case (42, 0): EosId = (int)reader.Varint(); break;
                case (44, 2): UnknownSurface = Encoding.UTF8.GetString(reader.Bytes()); break;
                default: reader.Skip(wire); break;
            }
        }
    }

    private void ReadNormalizer(ReadOnlySpan<byte> message)
    {
        _hasNormalizer = true;
        var reader = new ProtoReader(message);
        while (reader.Next(out int field, out int wire))
        {
            switch (field, wire)
            {
                case (2, 2): HasCharacterMap = reader.Bytes().Length > 0; break;
                case (3, 0): AddDummyPrefix = reader.Varint() != 0; break;
                case (4, 0): RemoveExtraWhitespaces = reader.Varint() != 0; break;
                case (5, 0): EscapeWhitespaces = reader.Varint() != 0; break;
                default: reader.Skip(wire); break;
            }
        }
    }
}
