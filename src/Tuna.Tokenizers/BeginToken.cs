using Tuna.Tokenizers.Json;

namespace Tuna.Tokenizers;

/// <summary>Which token, if any, is put before a prompt.</summary>
/// <remarks>
/// A <c>bos_token</c> is only a name. What puts it before a text is the post-processor of tokenizer.json; or the tokenizer's class, where
/// that
/// class (LLaMA's, Gemma's, Cohere's) writes its own post-processor; or <c>add_bos_token</c>, which overrules both.
/// </remarks>
internal static class BeginToken
{
    private static readonly string[] Usual = ["<|begin_of_text|>", "<s>"];

    /// <summary>Tokenizer classes of Transformers that put the begin token first unless told otherwise.</summary>
    private static readonly string[] Adding = ["LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer", "CohereTokenizer"];

    public static int? Of(TokenizerSource source, HuggingFaceTokenizerOptions options, Func<string, int?> idOf)
    {
        if (options.BosToken is { } wanted)
            return wanted.Length > 0 ? idOf(wanted) ?? throw source.Missing(wanted, nameof(options.BosToken)) : null;
        TokenizerConfig config = source.Config;
        if (config.AddBos == false || config.BosIsNull)
            return null;
        if (source.Frame is not { } frame)
            return Named(source, idOf)
                ?? (source.DeclaredBos >= 0 ? source.DeclaredBos : Usual.Select(idOf).FirstOrDefault(id => id is not null));
        bool adds = config.AddBos ?? Adding.Contains(config.TokenizerClass?.Replace("Fast", "", StringComparison.Ordinal));
        if (adds && Named(source, idOf) is { } named)
            return named;
        return frame.Before.Count switch
        {
            0 => null,
            1 => FromFrame(source, frame.Before[0], idOf),
            _ => throw new NotSupportedException(
                $"'{source.Path}': the post-processor puts {frame.Before.Count} tokens "
                    + $"({string.Join(' ', frame.Before.Select(t => t.Name))}) " +
                $"before a text; one is supported. Set {nameof(HuggingFaceTokenizerOptions)}.{nameof(options.BosToken)} to the one that "
                    + $"is wanted, " +
                "or to nothing and write them into the prompt."),
        };
    }

    private static int? Named(TokenizerSource source, Func<string, int?> idOf) => string.IsNullOrEmpty(source.Config.Bos)
        ? null
        : idOf(source.Config.Bos) ?? throw source.Missing(source.Config.Bos, nameof(HuggingFaceTokenizerOptions.BosToken));

    private static int FromFrame(TokenizerSource source, (int Id, string Name) token, Func<string, int?> idOf) =>
        idOf(token.Name) == token.Id
        ? token.Id
        : throw new InvalidDataException(
            $"'{source.Path}': the post-processor puts '{token.Name}' with id {token.Id} before a text, and the vocabulary has it as " +
            $"{idOf(token.Name)?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "nothing"}.");
}
