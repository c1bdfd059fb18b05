namespace Tuna.Tokenizers.Decoders;

/// <summary>A step from tokens to text: a <c>decoder</c> of tokenizer.json. Immutable and thread-safe.</summary>
internal interface IDecoder
{
    /// <summary>Rewrites the tokens; the text is what they are in the end, one after the other.</summary>
    List<string> Apply(List<string> tokens);
}

/// <summary>Decoders one after the other.</summary>
internal sealed class DecoderSequence(IReadOnlyList<IDecoder> steps) : IDecoder
{
    public List<string> Apply(List<string> tokens)
    {
        foreach (IDecoder step in steps)
            tokens = step.Apply(tokens);
        return tokens;
    }
}

/// <summary>A step that rewrites each token by itself.</summary>
internal sealed class TokenDecoder(Func<string, string> rewrite) : IDecoder
{
    public List<string> Apply(List<string> tokens) => tokens.ConvertAll(t => rewrite(t));
}

/// <summary>Joins all tokens to one.</summary>
internal sealed class FuseDecoder : IDecoder
{
    public List<string> Apply(List<string> tokens) => [string.Concat(tokens)];
}
