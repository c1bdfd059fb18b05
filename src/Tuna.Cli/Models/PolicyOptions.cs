using System.CommandLine;
using Tuna.Llama.Managed;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Tokenizers;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Models;

/// <summary>The options by which a command takes a model.</summary>
internal sealed class PolicyOptions
{
    private readonly Option<string?> _model;
    private readonly Option<string> _tokenizer = new("--tokenizer") { Description = TokenizerChoice.Help, DefaultValueFactory = _ => TokenizerChoice.Auto };
    private readonly Option<int> _threads = new("--threads") { Description = "Threads of the engine. Results have the same bits for the same number.", DefaultValueFactory = _ => Environment.ProcessorCount };

    /// <param name="required">Whether the command cannot do without a model.</param>
    /// <param name="about">What the model is for.</param>
    public PolicyOptions(bool required = true, string about = "The model: a folder in the Hugging Face layout (config.json, *.safetensors).")
    {
        _model = new("--model", "-m") { Description = about, Required = required };
    }

    public void AddTo(Command command)
    {
        command.Options.Add(_model);
        command.Options.Add(_tokenizer);
        command.Options.Add(_threads);
    }

    /// <summary>The model's folder, when it was given.</summary>
    public string? Folder(ParseResult parse) => parse.GetValue(_model);

    /// <inheritdoc cref="Folder(ParseResult)"/>
    public string? Folder(System.CommandLine.Parsing.CommandResult result) => result.GetValue(_model);

    public string TokenizerName(ParseResult parse) => parse.GetValue(_tokenizer)!;

    public ManagedLlamaOptions Engine(ParseResult parse) => new() { Threads = parse.GetValue(_threads) };

    public LoadedPolicy Load(ParseResult parse) => Load(parse, Folder(parse)!);

    /// <summary>Loads a model folder with these options' tokenizer and threads.</summary>
    public LoadedPolicy Load(ParseResult parse, string folder)
    {
        RequireFolder(folder);
        ITokenizer tokenizer = TokenizerChoice.Create(TokenizerName(parse), folder);
        ManagedLlama policy = ManagedLlama.Load(folder, Engine(parse));
        try
        {
            RequireMatch(tokenizer, policy.Info.VocabularySize, folder);
            return new LoadedPolicy(policy, tokenizer, folder);
        }
        catch
        {
            policy.Dispose();
            throw;
        }
    }

    public static void RequireFolder(string folder)
    {
        if (!Directory.Exists(folder))
            throw new StageException($"There is no model folder {folder}. `tuna new` makes one with random weights; a stage that did not finish leaves none.");
    }

    public static void RequireMatch(ITokenizer tokenizer, int vocabulary, string folder) => tokenizer.RequireFit(vocabulary, folder);
}
