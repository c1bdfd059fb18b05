using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Tuna.Evaluation.NaturalInstructions;

/// <summary>Measures and cuts prompts in tokens. Implementations are thread-safe.</summary>
/// <remarks>The official runs use the evaluated model's own tokenizer, so results of two models can rest on different examples.</remarks>
public interface ISourceTokens
{
    /// <summary>Number of tokens, special ones included.</summary>
    int Count(string text);

    /// <summary>The text of the first tokens, special ones counted but not shown.</summary>
    string KeepFirst(string text, int count);
}

/// <summary>Measures with a model's tokenizer: its begin token, where it has one, and the text.</summary>
/// <param name="tokenizer">The tokenizer.</param>
public sealed class ModelSourceTokens(ITokenizer tokenizer) : ISourceTokens
{
    private readonly ITokenizer _tokenizer = tokenizer ?? throw new ArgumentNullException(nameof(tokenizer));

    /// <inheritdoc/>
    public int Count(string text) => Begin + _tokenizer.Encode(text).Length;

    /// <inheritdoc/>
    public string KeepFirst(string text, int count)
    {
        int[] ids = _tokenizer.Encode(text);
        return _tokenizer.Decode(ids.AsSpan(0, Math.Clamp(count - Begin, 0, ids.Length)));
    }

    private int Begin => _tokenizer.BosId is null ? 0 : 1;
}
