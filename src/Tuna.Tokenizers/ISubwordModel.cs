namespace Tuna.Tokenizers;

/// <summary>The part of a tokenizer that knows nothing of added tokens: text to ids and ids to text.</summary>
internal interface ISubwordModel
{
    /// <summary>One more than the largest id of the model's own vocabulary.</summary>
    int VocabularySize { get; }

    /// <summary>Tokens that the model itself declares (control tokens, user-defined symbols).</summary>
    IEnumerable<AddedToken> DeclaredTokens { get; }

    /// <summary>Rewrites a text in which no added token is to be found before it is normalized.</summary>
    /// <param name="text">Well-formed text, not empty.</param>
    /// <param name="startsText">Whether its first character is the first of the whole text; false when that one is dropped.</param>
    string Normalize(string text, ref bool startsText) => text;

    /// <summary>Encodes normalized text that holds no added tokens.</summary>
    /// <param name="text">The text, not empty.</param>
    /// <param name="startsText">Whether it begins the whole text, so that a dummy prefix is due.</param>
    /// <param name="ids">Receives the ids.</param>
    void Encode(string text, bool startsText, List<int> ids);

    /// <summary>Decodes ids; added tokens come as their content.</summary>
    /// <param name="tokens">Ids, each with the content to show instead of the model's own piece, or null. An empty content hides a
    /// token.</param>
    string Decode(ReadOnlySpan<(int Id, string? Content)> tokens);

    /// <summary>The piece of an id as its vocabulary spells it, or null.</summary>
    string? PieceOf(int id);

    /// <summary>The id of a piece of the vocabulary, or null.</summary>
    int? IdOf(string piece);
}
