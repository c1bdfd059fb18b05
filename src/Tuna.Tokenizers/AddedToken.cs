namespace Tuna.Tokenizers;

/// <summary>A token that is matched in the text as a whole, before any subword model sees the text.</summary>
/// <param name="Id">Token id.</param>
/// <param name="Content">The text that is the token.</param>
/// <param name="Special">
/// True for control tokens such as <c>&lt;|eot_id|&gt;</c>: they are recognised on request only and left out of decoded text.
/// False for words that were added to the vocabulary: they are always recognised and always shown.
/// </param>
public sealed record AddedToken(int Id, string Content, bool Special)
{
    /// <summary>Whether white space before the token belongs to it.</summary>
    public bool StripLeft { get; init; }

    /// <summary>Whether white space after the token belongs to it.</summary>
    public bool StripRight { get; init; }

    /// <summary>Whether the token is only itself where no letter, digit, mark or underscore touches it.</summary>
    public bool SingleWord { get; init; }

    /// <summary>
    /// Whether the token is looked for in the normalized text, spelled as the normalizer spells it; otherwise in the text as it was
    /// written.
    /// </summary>
    public bool Normalized { get; init; }
}
