using System.CommandLine;
using Tuna.Cli.Chats;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Data.Prompts;

namespace Tuna.Cli.Commands;

/// <summary>Talks with a model.</summary>
internal sealed class ChatCommand : StageCommand
{
    public const string Summary =
        "Talks with a model: reads a line, writes the answer as it is drawn. /new begins a new conversation, /exit or the end of the "
        + "input ends it.";

    private readonly Argument<string> _model = new("FOLDER") { Description = "The model: a folder in the Hugging Face layout." };
    private readonly TokenizerOptions _tokenizer = new(chats: true);
    private readonly EngineOptions _engine = new();
    private readonly Setting<string?> _system = new("--system") { Description = "A system message, for templates that know one." };
    private readonly Setting<int> _maxNewTokens =
        new("--max-new-tokens") { Range = Rule.AtLeast(1), Description = "Most tokens of an answer.", DefaultValueFactory = _ => 512 };
    private readonly Setting<double> _temperature = new("--temperature")
    {
        Range = Rule.AtLeast(0.0),
        Description = "0 takes the likeliest token each time.",
        DefaultValueFactory = _ => 0.7,
    };
    private readonly Setting<double> _topP = new("--top-p")
    {
        Range = (value => value is > 0 and <= 1, "above 0 and at most 1"),
        Description = "Nucleus sampling; 1 keeps all tokens.",
        DefaultValueFactory = _ => 0.95,
    };
    private readonly Setting<ulong> _seed = new("--seed") { Description = "Seed; the same questions give the same answers." };

    public ChatCommand(App app)
        : base(app, "chat", Summary)
    {
        Arguments.Add(_model);
        _tokenizer.AddTo(this);
        _engine.AddTo(this);
        foreach (Option option in (Option[])[_system, _maxNewTokens, _temperature, _topP, _seed])
            Options.Add(option);
        Examples =
        [
            "tuna chat tuned",
            "tuna chat tuned --system \"Be brief.\" --temperature 0",
            "echo \"Name a fish.\" | tuna chat tuned --quiet",
        ];
    }

    public override async Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string folder = parse.GetValue(_model)!;
        ModelFolder.Require(folder);
        IPromptTemplate template = _tokenizer.Template(parse, folder);
        var tokenizer = _tokenizer.Tokenizer(parse, folder);
        using LoadedPolicy model = LoadedPolicy.Of(_engine.Choose(parse).LoadPolicy(folder), tokenizer, template, folder);
        var conversation = new Conversation(model, parse.GetValue(_system))
        {
            MaxNewTokens = parse.GetValue(_maxNewTokens),
            Temperature = parse.GetValue(_temperature),
            TopP = parse.GetValue(_topP),
            Seed = parse.GetValue(_seed),
        };
        ui.Note(conversation.RemembersTurns
            ? $"{model.Name}, in the form of its own chat template. /new begins a new conversation, /exit ends."
            : $"{model.Name} has no chat template, or another form was chosen: every line is a question of its own. /exit ends.");
        while (true)
        {
            ui.Prompt("> ");
            string? line = await ui.Input.ReadLineAsync(cancellationToken);
            if (line is null || line.Trim() == "/exit")
                break;
            if (line.Trim() == "/new")
                conversation.Clear();
            else if (line.Trim().Length > 0)
                await Task.Run(() => Answer(conversation, line, ui, cancellationToken), cancellationToken);
        }

        return new StageResult("", new() { ["answers"] = conversation.Answers, ["tokens"] = conversation.Tokens });
    }

    private static void Answer(Conversation conversation, string question, StageUi ui, CancellationToken cancellationToken)
    {
        try
        {
            string answer = conversation.Ask(question, ui.Mode.Json ? _ => { } : ui.Stream, cancellationToken);
            if (ui.Mode.Json)
                ui.Item(new() { ["role"] = "assistant", ["content"] = answer });
            else
                ui.Stream(Environment.NewLine);
        }
        catch (ArgumentException e)
        {
            // The template refuses the question; the conversation goes on without it.
            ui.Warn(e.Message);
        }
    }
}
