namespace Tuna.Tokenizers.Models;

/// <summary>A vocabulary and how words become its pieces: the <c>model</c> of tokenizer.json. Thread-safe.</summary>
internal interface ITextModel
{
    Vocabulary Vocabulary { get; }

    /// <summary>Adds the ids of one word.</summary>
    /// <param name="word">A word as the pre-tokenizers left it, not empty.</param>
    /// <param name="ids">Receives the ids.</param>
    void Encode(ReadOnlySpan<char> word, List<int> ids);
}
