namespace Tuna.Tokenizers.Models;

/// <summary>The settings of a BPE model in tokenizer.json.</summary>
internal sealed record BpeOptions
{
    /// <summary>The piece for characters that are none; null leaves them out.</summary>
    public string? Unknown { get; init; }

    /// <summary>Whether a run of unknown characters is one token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Whether unknown characters become their bytes' pieces, where all are in the vocabulary.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>Whether a word that is a piece is one token whatever the merges say.</summary>
    public bool IgnoreMerges { get; init; }

    /// <summary>Put before every character but a word's first.</summary>
    public string ContinuingPrefix { get; init; } = "";

    /// <summary>Put after a word's last character.</summary>
    public string WordSuffix { get; init; } = "";

    /// <summary>Whether words come as text and are spelled in the byte-level alphabet here.</summary>
    public bool SpellBytes { get; init; }
}
