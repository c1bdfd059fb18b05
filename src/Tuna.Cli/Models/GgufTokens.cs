using Tuna.Cli.Hosting;
using Tuna.Models.Gguf;
using Tuna.Tokenizers;

namespace Tuna.Cli.Models;

/// <summary>A model folder's tokenizer as a GGUF file holds it.</summary>
internal static class GgufTokens
{
    // llama.cpp's names of what it knows how to split; the expressions are those of the models that they are named after.
    private static readonly (string Name, string[] Splits)[] Known =
    [
        ("llama-bpe",
            [@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]),
        ("qwen2", [@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"]),
        ("gpt-2", ["gpt2"]),
        ("smollm", ["digit", "gpt2"]),
    ];

    /// <exception cref="StageException">The tokenizer has no form in GGUF; says why.</exception>
    public static GgufVocabulary Read(string folder)
    {
        TokenizerTable table = TokenizerTables.Read(folder);
        string? pre = null;
        if (!table.IsSentencePiece)
        {
            pre = Known.FirstOrDefault(k => k.Splits.SequenceEqual(table.Splits)).Name
                ?? throw new StageException(
                    $"{folder}: its tokenizer splits texts by {string.Join(" then ", table.Splits)}, for which no name of llama.cpp is "
                    + $"known here; a file without it would encode wrongly.");
        }

        return new()
        {
            Model = table.IsSentencePiece ? "llama" : "gpt2",
            PreTokenizer = table.IsSentencePiece ? "default" : pre,
            Tokens = table.Tokens,
            Types = table.Types,
            Scores = table.IsSentencePiece ? table.Scores : null,
            Merges = table.IsSentencePiece ? null : table.Merges,
            BosId = table.BosId,
            EosId = table.EosId,
            UnknownId = table.UnknownId,
            AddsSpacePrefix = table.AddsSpacePrefix,
            ChatTemplate = ChatTemplate.Load(folder)?.Source,
        };
    }
}
