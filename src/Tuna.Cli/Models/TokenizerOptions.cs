using System.CommandLine;
using Tuna.Cli.Hosting;
using Tuna.Data.Prompts;
using Tuna.Tokenization;
using Tuna.Tokenizers;
using Tuna.Data.Groups;

namespace Tuna.Cli.Models;

/// <summary>The settings by which text becomes tokens: tokenizer and prompt form.</summary>
internal sealed class TokenizerOptions
{
    private const string Model = "model";
    private static readonly string[] HuggingFaceFiles = ["tokenizer.model", "tokenizer.json"];

    private readonly Setting<string> _tokenizer = new("--tokenizer")
    {
        Description =
            "`bytes` (259 ids, needs no files), a Hugging Face folder, or `auto`: the model's own tokenizer files where it has any, bytes "
            + "otherwise.",
        DefaultValueFactory = _ => "auto",
    };

    private readonly Setting<string> _template;
    private (string Folder, ModelChatFormat Format)? _chat;

    /// <param name="chats">Whether conversations are what the command is for: then the model's own template is taken where it has
    /// one.</param>
    public TokenizerOptions(bool chats = false) => _template = new("--template")
    {
        Among = chats ? ["auto", "alpaca", "llama2", "llama3", Model] : ["alpaca", "llama2", "llama3", Model],
        Description =
            "Form of the prompts: alpaca, as in the paper; model, the chat template in the model's folder, with all turns of a "
            + "conversation; or the chat form of LLaMA 2 or 3."
            + (chats ? " auto: the model's own where it has one." : ""),
        DefaultValueFactory = _ => chats ? "auto" : "alpaca",
    };

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => [_tokenizer, _template];

    public void AddTo(Command command)
    {
        foreach (Option option in All)
            command.Options.Add(option);
    }

    /// <summary>The form of the prompts for a model folder.</summary>
    public IPromptTemplate Template(ParseResult parse, string modelFolder) => Kind(parse, modelFolder) switch
    {
        "llama2" => new Llama2PromptTemplate(),
        "llama3" => new Llama3PromptTemplate(),
        Model => Chat(parse, modelFolder),
        _ => AlpacaPromptTemplate.Instance,
    };

    /// <summary>The tokenizer for a model folder.</summary>
    public ITokenizer Tokenizer(ParseResult parse, string modelFolder)
    {
        string kind = Kind(parse, modelFolder);
        if (Folder(parse, modelFolder) is not { } folder)
            return kind == Model ? throw new StageException(
                "--template model needs the model's own tokenizer; --tokenizer bytes has no special tokens.") : ByteTokenizer.Instance;
        // A turn of a chat ends with a token of its own, and a chat template writes the begin token itself.
        HuggingFaceTokenizerOptions? options = kind switch
        {
            "llama3" => new() { EosToken = "<|eot_id|>" },
            Model => new() { EosToken = Chat(parse, modelFolder).StopText, BosToken = "" },
            _ => null,
        };
        return HuggingFaceTokenizer.Load(folder, options).ForChatPrompts;
    }

    private string Kind(ParseResult parse, string modelFolder)
    {
        string kind = parse.GetValue(_template)!;
        if (kind != "auto")
            return kind;
        return Folder(parse, modelFolder) is { } folder && (ChatTemplate.Load(folder) ?? ChatTemplate.Load(modelFolder)) is not null
            ? Model : "alpaca";
    }

    // The folder of the tokenizer's files, or null for bytes.
    private string? Folder(ParseResult parse, string modelFolder)
    {
        string choice = parse.GetValue(_tokenizer)!;
        if (choice == "bytes")
            return null;
        string folder = choice == "auto" ? modelFolder : choice;
        if (HuggingFaceFiles.Any(f => File.Exists(Path.Combine(folder, f))))
            return folder;
        return choice == "auto" ? null
            : throw new StageException($"--tokenizer {choice}: there is no {string.Join(" or ", HuggingFaceFiles)} in that folder.");
    }

    private ModelChatFormat Chat(ParseResult parse, string modelFolder)
    {
        if (_chat is { } known && known.Folder == modelFolder)
            return known.Format;
        string folder = Folder(parse, modelFolder)
            ?? throw new StageException(
            "--template model needs the model's own tokenizer, which has the special tokens of its chat template.");
        ChatTemplate template = ChatTemplate.Load(folder) ?? ChatTemplate.Load(modelFolder)
            ?? throw new StageException(
                $"--template model: {modelFolder} has no chat template (chat_template.jinja, or chat_template in tokenizer_config.json). "
                + $"Leave --template out, or name llama2 or llama3.");
        var format = new ModelChatFormat(HuggingFaceTokenizer.Load(folder), template);
        _chat = (modelFolder, format);
        return format;
    }
}
