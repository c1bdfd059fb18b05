namespace Tuna.Models.Gguf;

/// <summary>A tokenizer as a GGUF file holds it. Immutable.</summary>
public sealed record GgufVocabulary
{
    /// <summary>Kind: <c>llama</c> (SentencePiece, by scores) or <c>gpt2</c> (byte-level BPE, by merges).</summary>
    public required string Model { get; init; }

    /// <summary>For <c>gpt2</c>: llama.cpp's name of how texts are split into words, such as <c>llama-bpe</c> or <c>qwen2</c>.</summary>
    public string? PreTokenizer { get; init; }

    /// <summary>The tokens by id, [V].</summary>
    public required IReadOnlyList<string> Tokens { get; init; }

    /// <summary>Their kinds, [V]: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.</summary>
    public required IReadOnlyList<int> Types { get; init; }

    /// <summary>For <c>llama</c>: their scores, [V].</summary>
    public IReadOnlyList<float>? Scores { get; init; }

    /// <summary>For <c>gpt2</c>: the merges, each two tokens with a space between.</summary>
    public IReadOnlyList<string>? Merges { get; init; }

    /// <summary>Id put before a text, or null.</summary>
    public int? BosId { get; init; }

    /// <summary>Id that ends a text.</summary>
    public required int EosId { get; init; }

    /// <summary>Id of the unknown token, or null.</summary>
    public int? UnknownId { get; init; }

    /// <summary>For <c>llama</c>: whether a space is put before a text. Default true.</summary>
    public bool AddsSpacePrefix { get; init; } = true;

    /// <summary>The chat template, or null.</summary>
    public string? ChatTemplate { get; init; }
}
