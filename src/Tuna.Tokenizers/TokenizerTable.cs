namespace Tuna.Tokenizers;

/// <summary>A tokenizer's tables, for programs that encode by themselves: what a folder's files say, by id. Immutable.</summary>
/// <remarks>Read by <see cref="TokenizerTables"/>.</remarks>
public sealed record TokenizerTable
{
    /// <summary>Whether pieces are joined by scores (SentencePiece); otherwise by <see cref="Merges"/>, over the byte-level
    /// alphabet.</summary>
    public required bool IsSentencePiece { get; init; }

    /// <summary>The tokens by id, [V]; a gap has its id in brackets.</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary>Their kinds, [V]: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte, as sentencepiece_model.proto numbers
    /// them.</summary>
    public required IReadOnlyList<int> Types { get; init; }

    /// <summary>Their scores, [V]; empty without SentencePiece.</summary>
    public IReadOnlyList<float> Scores { get; init; } = [];

    /// <summary>Pairs that are joined, the first first, a space between the two; empty with SentencePiece.</summary>
    public IReadOnlyList<string> Merges { get; init; } = [];

    /// <summary>How a text is split before pairs are joined: the pre-tokenizers' expressions or names in order; empty with
    /// SentencePiece.</summary>
    public IReadOnlyList<string> Splits { get; init; } = [];

    /// <summary>Id put before a text, or null.</summary>
    public int? BosId { get; init; }

    /// <summary>Id that ends a text.</summary>
    public required int EosId { get; init; }

    /// <summary>Id of the unknown token, or null.</summary>
    public int? UnknownId { get; init; }

    /// <summary>Whether a space is put before a text. Default true; of SentencePiece alone.</summary>
    public bool AddsSpacePrefix { get; init; } = true;
}
