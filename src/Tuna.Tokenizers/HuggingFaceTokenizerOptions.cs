namespace Tuna.Tokenizers;

/// <summary>What a tokenizer's files may leave open.</summary>
public sealed record HuggingFaceTokenizerOptions
{
    /// <summary>The token put before a prompt; empty for none; null takes it from the files. Default null.</summary>
    public string? BosToken { get; init; }

    /// <summary>
    /// The token that ends a response; null takes it from the files. LLaMA 3 Instruct models want <c>&lt;|eot_id|&gt;</c>. Default null.
    /// </summary>
    public string? EosToken { get; init; }

    /// <summary>Tiktoken ranks only: the regular expression that cuts text into words; null is LLaMA 3's. Default null.</summary>
    public string? Pattern { get; init; }

    /// <summary>
    /// Tiktoken ranks only: the special tokens; null takes them from tokenizer_config.json or, without one, LLaMA 3's 256. Default null.
    /// </summary>
    public IReadOnlyList<AddedToken>? SpecialTokens { get; init; }
}
