using System.Globalization;

namespace Tuna.Tokenizers;

/// <summary>The 256 special tokens of LLaMA 3, which Meta's tiktoken file leaves to the code that loads it.</summary>
internal static class Llama3SpecialTokens
{
    /// <summary>LLaMA 3.1's special tokens with ids from <paramref name="vocabularySize"/> on (128,000 in Meta's file).</summary>
    /// <param name="vocabularySize">Number of ranks in the tiktoken file, >= 0.</param>
    public static IReadOnlyList<AddedToken> After(int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(vocabularySize);
        string[] named =
        [
            "<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>", "<|reserved_special_token_1|>",
                "<|finetune_right_pad_id|>",
            "<|reserved_special_token_2|>", "<|start_header_id|>", "<|end_header_id|>", "<|eom_id|>", "<|eot_id|>", "<|python_tag|>",
        ];
        var tokens = new AddedToken[256];
        for (int i = 0; i < tokens.Length; i++)
        {
            string name = i < named.Length
                ? named[i] : string.Create(CultureInfo.InvariantCulture, $"<|reserved_special_token_{i - named.Length + 3}|>");
            tokens[i] = new AddedToken(vocabularySize + i, name, Special: true);
        }

        return tokens;
    }
}
