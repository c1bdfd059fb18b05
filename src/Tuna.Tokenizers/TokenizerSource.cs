using Tuna.Tokenizers.Json;

namespace Tuna.Tokenizers;

/// <summary>What a tokenizer's files say, before it is settled which tokens begin and end a sequence.</summary>
/// <param name="Path">The main file, for messages.</param>
/// <param name="Model">Text to ids and back.</param>
/// <param name="AddedTokens">Added tokens of all files; of two with the same id the later counts.</param>
/// <param name="Config">The small files beside it.</param>
internal sealed record TokenizerSource(string Path, ISubwordModel Model, IEnumerable<AddedToken> AddedTokens, TokenizerConfig Config)
{
    /// <summary>What a tokenizer.json's post-processor puts around a text; null for other files.</summary>
    public TextFrame? Frame { get; init; }

    /// <summary>Number of token ids of the model beside the files, or the largest number when nothing says.</summary>
    public int ModelVocabulary => Config.ModelVocabulary ?? int.MaxValue;

    /// <summary>The begin token of a SentencePiece model, or -1.</summary>
    public int DeclaredBos { get; init; } = -1;

    /// <summary>The end token of a SentencePiece model, or -1.</summary>
    public int DeclaredEos { get; init; } = -1;

    public InvalidDataException Missing(string token, string option)
    {
        bool beyond = AddedTokens.Any(t => t.Content == token && t.Id >= ModelVocabulary);
        return new(beyond
            ? $"'{Path}': the token '{token}' lies beyond the {ModelVocabulary} ids of the model (vocab_size in config.json), which has "
                + $"no row for it. "
                + $"Enlarge the model's embeddings, name another token in tokenizer_config.json, or set "
                    + $"{nameof(HuggingFaceTokenizerOptions)}.{option}."
            : $"'{Path}': the token '{token}' is not in the vocabulary; check tokenizer_config.json beside it or set "
                + $"{nameof(HuggingFaceTokenizerOptions)}.{option}.");
    }
}
