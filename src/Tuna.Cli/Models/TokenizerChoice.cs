using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Tokenizers;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Models;

/// <summary>Makes the tokenizer of a model folder.</summary>
internal static class TokenizerChoice
{
    public const string Auto = "auto";
    public const string Bytes = "bytes";

    private static readonly string[] HuggingFaceFiles = ["tokenizer.model", "tokenizer.json"];

    public const string Help = "`bytes` (259 ids, needs no files), a Hugging Face folder, or `auto`: the model's own tokenizer files where it has any, bytes otherwise.";

    /// <param name="choice"><see cref="Auto"/>, <see cref="Bytes"/>, or a folder.</param>
    /// <param name="modelFolder">The model.</param>
    public static ITokenizer Create(string choice, string modelFolder)
    {
        if (choice == Bytes)
            return ByteTokenizer.Instance;
        string folder = choice == Auto ? modelFolder : choice;
        bool hasFiles = HuggingFaceFiles.Any(f => File.Exists(Path.Combine(folder, f)));
        if (!hasFiles && choice == Auto)
            return ByteTokenizer.Instance;
        if (!hasFiles)
            throw new StageException($"--tokenizer {choice}: there is no {string.Join(" or ", HuggingFaceFiles)} in that folder.");
        return HuggingFaceTokenizer.Load(folder);
    }
}
