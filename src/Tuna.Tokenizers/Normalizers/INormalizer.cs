namespace Tuna.Tokenizers.Normalizers;

/// <summary>A step that rewrites a text before it is cut: a <c>normalizer</c> of tokenizer.json. Immutable and thread-safe.</summary>
internal interface INormalizer
{
    /// <summary>Rewrites a text.</summary>
    /// <param name="text">Well-formed text.</param>
    /// <param name="startsText">Whether the text's first character is the first of the whole input; a step that drops it says
    /// false.</param>
    string Normalize(string text, ref bool startsText);
}

/// <summary>Normalizers one after the other.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<INormalizer> steps) : INormalizer
{
    public string Normalize(string text, ref bool startsText)
    {
        foreach (INormalizer step in steps)
            text = step.Normalize(text, ref startsText);
        return text;
    }
}
