using Tuna.Tokenizers.Decoders;
using Tuna.Tokenizers.Models;
using Tuna.Tokenizers.Normalizers;
using Tuna.Tokenizers.PreTokenizers;

namespace Tuna.Tokenizers.Json;

/// <summary>The components of a tokenizer.json at work: normalizer, pre-tokenizers, model and decoder.</summary>
internal sealed class JsonTokenizerModel(ITextModel model, INormalizer? normalizer, IReadOnlyList<IPreTokenizer> steps, IDecoder? decoder)
    : ISubwordModel
{
    public int VocabularySize => model.Vocabulary.Size;

    public IEnumerable<AddedToken> DeclaredTokens => [];

    public string? PieceOf(int id) => model.Vocabulary.PieceOf(id);

    public int? IdOf(string piece) => model.Vocabulary.IdOf(piece);

    public string Normalize(string text, ref bool startsText) => normalizer?.Normalize(text, ref startsText) ?? text;

    public void Encode(string text, bool startsText, List<int> ids)
    {
        List<Piece> pieces = [new(text, 0, text.Length, startsText)], next = [];
        foreach (IPreTokenizer step in steps)
        {
            foreach (Piece piece in pieces)
                step.Apply(piece, next);
            (pieces, next) = (next, pieces);
            next.Clear();
        }

        foreach (Piece piece in pieces)
            model.Encode(piece.Span, ids);
    }

    public string Decode(ReadOnlySpan<(int Id, string? Content)> tokens)
    {
        var texts = new List<string>(tokens.Length);
        foreach ((int id, string? content) in tokens)
        {
            if ((content ?? PieceOf(id)) is { } text)
                texts.Add(text);
        }

        // Without a decoder, tokens stand apart.
        return decoder is null ? string.Join(' ', texts) : string.Concat(decoder.Apply(texts));
    }
}
