using System.CommandLine;
using Tuna.Cli.Hosting;
using Tuna.Data.Prompts;
using Tuna.Tokenization;
using Tuna.Tokenizers;

namespace Tuna.Cli.Models;

/// <summary>The settings by which text becomes tokens: tokenizer and prompt form.</summary>
internal sealed class TokenizerOptions
{
    private static readonly string[] HuggingFaceFiles = ["tokenizer.model", "tokenizer.json"];

    private readonly Setting<string> _tokenizer = new("--tokenizer")
    {
        Description = "`bytes` (259 ids, needs no files), a Hugging Face folder, or `auto`: the model's own tokenizer files where it has any, bytes otherwise.",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Setting<string> _template = new("--template")
    {
        Among = ["alpaca", "llama2", "llama3"],
        Description = "Form of the prompts: alpaca, as in the paper, or the chat form of LLaMA 2 or 3.",
        DefaultValueFactory = _ => "alpaca",
    };

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [_tokenizer, _template];

    public void AddTo(Command command)
    {
        foreach (Option option in All)
            command.Options.Add(option);
    }

    public IPromptTemplate Template(ParseResult parse) => parse.GetValue(_template) switch
    {
        "llama2" => new Llama2PromptTemplate(),
        "llama3" => new Llama3PromptTemplate(),
        _ => AlpacaPromptTemplate.Instance,
    };

    /// <summary>The tokenizer for a model folder.</summary>
    public ITokenizer Tokenizer(ParseResult parse, string modelFolder)
    {
        string choice = parse.GetValue(_tokenizer)!;
        if (choice == "bytes")
            return ByteTokenizer.Instance;
        string folder = choice == "auto" ? modelFolder : choice;
        bool hasFiles = HuggingFaceFiles.Any(f => File.Exists(Path.Combine(folder, f)));
        if (!hasFiles && choice == "auto")
            return ByteTokenizer.Instance;
        if (!hasFiles)
            throw new StageException($"--tokenizer {choice}: there is no {string.Join(" or ", HuggingFaceFiles)} in that folder.");
        // A turn of LLaMA 3 ends with a token of its own.
        HuggingFaceTokenizerOptions? options = parse.GetValue(_template) == "llama3" ? new() { EosToken = "<|eot_id|>" } : null;
        return HuggingFaceTokenizer.Load(folder, options).ForChatPrompts;
    }
}
