using System.CommandLine;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Cli.Training;

namespace Tuna.Cli.Commands;

/// <summary>Instruction tuning (Eq. 1 and 2).</summary>
internal sealed class SftCommand : StageCommand
{
    private readonly PolicyOptions _policy = new(about: "The model to start from: a folder in the Hugging Face layout.");
    private readonly Option<string> _data = new("--data", "-d") { Description = "Instructions with their responses, in Alpaca's form (instruction, input, output), JSON or JSONL.", Required = true };
    private readonly Option<int> _limit = new("--limit") { Description = "Only the first rows; 0 for all." };
    private readonly Option<int> _maxLength = new("--max-length") { Description = "Longest prompt with response in tokens; longer responses are left out and counted.", DefaultValueFactory = _ => 512 };
    private readonly TrainingOptions _training = new(epochs: 3, learningRate: 2e-5, batch: 128);

    public SftCommand(App app)
        : base(app, "sft", "Instruction tuning: teaches a model to answer, by maximum likelihood of the given responses (Eq. 2; \"Alpaca\" in the paper).")
    {
        _policy.AddTo(this);
        Options.Add(_data);
        Options.Add(_limit);
        Options.Add(_maxLength);
        _training.AddTo(this);
        Examples =
        [
            "tuna sft --model base --data alpaca.json --out alpaca",
            "tuna sft --model base --data alpaca.json --out alpaca --epochs 1 --batch 16 --lr 1e-3    # a small model from scratch",
        ];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) => Task.Run(() =>
    {
        string data = parse.GetValue(_data)!, model = _policy.Folder(parse)!, output = _training.Out(parse);
        PolicyOptions.RequireFolder(model);
        var rows = Rows.Instructions(data, parse.GetValue(_limit), answered: true);
        Fingerprint settings = _training.AddTo(new Fingerprint(), parse)
            .With("command", Name)
            .WithContent("model", model)
            .WithContent("data", data)
            .With("limit", parse.GetValue(_limit))
            .With("max length", parse.GetValue(_maxLength))
            .With("tokenizer", _policy.TokenizerName(parse));
        if (ModelRecord.IsFinished(output, settings))
            return TrainingStage.AlreadyThere(output);

        using LoadedPolicy loaded = _policy.Load(parse);
        var report = new TokenizationReport();
        var tokenizer = new GroupTokenizer(loaded.Tokenizer, options: new() { MaxLength = Math.Min(parse.GetValue(_maxLength), loaded.Policy.Info.ContextLength) });
        IReadOnlyList<TokenGroup> groups = [.. tokenizer.Tokenize(rows, report)];
        var stage = new TrainingStage
        {
            Out = output,
            Initial = model,
            Settings = settings,
            Options = _training.Trainer(parse),
            Loss = new MaximumLikelihoodLoss(MaximumLikelihoodTarget.Reference),
            Tokenization = report,
        };
        return stage.Run(loaded.Policy, groups, () => null, ui, cancellationToken);
    }, cancellationToken);
}
