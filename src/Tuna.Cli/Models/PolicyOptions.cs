using System.CommandLine;
using System.CommandLine.Parsing;
using Tuna.Cli.Hosting;
using Tuna.Data.Prompts;
using Tuna.Policies;
using Tuna.Tokenization;

namespace Tuna.Cli.Models;

/// <summary>The settings by which a command takes a model and an engine for it.</summary>
internal sealed class PolicyOptions
{
    private readonly Setting<string?> _model;
    private readonly TokenizerOptions _tokenizer = new();
    private readonly EngineOptions _engine;

    /// <param name="required">Whether the command cannot do without a model.</param>
    /// <param name="about">What the model is for.</param>
    /// <param name="trains">Whether the command trains it.</param>
    public PolicyOptions(bool required = true,
        string about = "The model: a folder in the Hugging Face layout (config.json, *.safetensors).", bool trains = false)
    {
        _model = new("--model", "-m") { Effect = Effect.Content, Description = about, Required = required };
        _engine = new(trains);
    }

    public void AddTo(Command command)
    {
        command.Options.Add(_model);
        _tokenizer.AddTo(command);
        _engine.AddTo(command);
    }

    /// <summary>The model's folder, when it was given.</summary>
    public string? Folder(ParseResult parse) => parse.GetValue(_model);

    /// <inheritdoc cref="Folder(ParseResult)"/>
    public string? Folder(CommandResult result) => result.GetValue(_model);

    /// <summary>The tokenizer of a model folder.</summary>
    public ITokenizer Tokenizer(ParseResult parse, string folder) => _tokenizer.Tokenizer(parse, folder);

    /// <summary>The form of the prompts of a model folder.</summary>
    public IPromptTemplate Template(ParseResult parse, string folder) => _tokenizer.Template(parse, folder);

    public EngineChoice Engine(ParseResult parse) => _engine.Choose(parse);

    public LoadedPolicy Load(ParseResult parse) => Load(parse, Folder(parse)!);

    /// <summary>Loads a model folder with these settings' tokenizer and engine, to be asked only.</summary>
    public LoadedPolicy Load(ParseResult parse, string folder)
    {
        ModelFolder.Require(folder);
        ITokenizer tokenizer = Tokenizer(parse, folder);
        return LoadedPolicy.Of(Engine(parse).LoadPolicy(folder), tokenizer, Template(parse, folder), folder);
    }
}
