using System.Globalization;
using Tuna.Tokenization;

namespace Tuna.Tokenizers;

/// <summary>Whether a tokenizer and a model belong together.</summary>
public static class TokenizerFit
{
    /// <summary>Refuses a tokenizer with ids that a model has no row for, and names the tokens.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="vocabulary">Number of the model's token ids, > 0.</param>
    /// <param name="model">The model's name or folder, for the message.</param>
    /// <exception cref="InvalidDataException">The tokenizer has more ids than the model.</exception>
    public static void RequireFit(this ITokenizer tokenizer, int vocabulary, string model)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(vocabulary);
        if (tokenizer.VocabularySize <= vocabulary)
            return;
        string count = string.Create(CultureInfo.InvariantCulture,
            $"The tokenizer has {tokenizer.VocabularySize} ids but the model {model} only {vocabulary}");
        AddedToken[] beyond = HuggingFaceTokenizer.Of(tokenizer) is { } known
            ? [.. known.AddedTokens.Values.Where(t => t.Id >= vocabulary).OrderBy(t => t.Id)] : [];
        if (beyond.Length == 0 || beyond.Length < tokenizer.VocabularySize - vocabulary)
            throw new InvalidDataException($"{count}; they do not belong together.");
        string names = string.Join(", ",
            beyond.Take(5).Select(t => string.Create(CultureInfo.InvariantCulture, $"'{t.Content}' ({t.Id})")));
        throw new InvalidDataException(
            $"{count}: {names}{(beyond.Length > 5 ? ", ..." : "")} came later. " +
            "Take them out of added_tokens.json, tokenizer_config.json and tokenizer.json, or enlarge the model's embeddings.");
    }
}
