using System.CommandLine;
using Tuna.Data;
using Tuna.Models;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Cli.Training;
using Tuna.Distributed;

namespace Tuna.Cli.Commands;

/// <summary>Instruction tuning (Eq. 1 and 2).</summary>
internal sealed class SftCommand : StageCommand
{
    public const string Summary =
        "Instruction tuning: teaches a model to answer, by maximum likelihood of the given responses (Eq. 2; \"Alpaca\" in the paper).";

    private readonly PolicyOptions _policy = new(about: "The model to start from: a folder in the Hugging Face layout.", trains: true);
    private readonly Setting<string> _data = new("--data", "-d")
    {
        Effect = Effect.Content,
        Description =
            "Instructions with their responses, in Alpaca's form (instruction, input, output) or another that `tuna convert` reads.",
        Required = true,
    };
    private readonly Setting<int> _limit = new("--limit") { Range = Rule.AtLeast(0), Description = "Only the first rows; 0 for all." };
    private readonly Setting<int> _maxLength = new("--max-length")
    {
        Range = Rule.AtLeast(2),
        Description = "Longest prompt with response in tokens; longer responses are left out and counted.",
        DefaultValueFactory = _ => 512,
    };
    private readonly Setting<string> _turns = new("--turns")
    {
        Among = ["last", "all"],
        Description = "Which answers of a conversation are learned: the last, or all, each from what was said before it; what the model's "
            + "own template marks as the assistant's, where it does.",
        DefaultValueFactory = _ => "last",
    };

    private readonly HeldOut _heldOut = new();
    private readonly SampleOptions _samples = new();
    private readonly TrainingOptions _training = new(epochs: 3, learningRate: 2e-5, batch: 128);

    public SftCommand(App app)
        : base(app, "sft", Summary)
    {
        _policy.AddTo(this);
        Options.Add(_data);
        Options.Add(_limit);
        Options.Add(_maxLength);
        Options.Add(_turns);
        _heldOut.AddTo(this);
        _samples.AddTo(this);
        _training.AddTo(this);
        Examples =
        [
            "tuna sft --model base --data alpaca.json --out alpaca",
            "tuna sft --model chat-model --template model --turns all --data conversations.jsonl --out tuned    # in the model's own chat "
                + "form",
            "tuna sft --model base --data alpaca.json --out alpaca --epochs 1 --batch 16 --lr 1e-3    # a small model from scratch",
        ];
    }

    public override MpiOptions? Together(ParseResult parse) => _training.Together(parse);

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) => Task.Run(() =>
    {
        string data = parse.GetValue(_data)!, model = _policy.Folder(parse)!, output = _training.Out(parse);
        ModelFolder.Require(model);
        var rows = Rows.Instructions(data, parse.GetValue(_limit), answered: true);
        Fingerprint settings = Fingerprint.Of(parse);
        if (ModelRecord.IsFinished(output, settings))
            return TrainingStage.AlreadyThere(output, Group);

        ITokenizer tokenizer = _policy.Tokenizer(parse, model);
        LlamaConfig config = LlamaConfig.Load(model);
        ModelFolder.RequireMatch(tokenizer, config.VocabularySize, model);
        var report = new TokenizationReport();
        var groups = new GroupTokenizer(tokenizer, _policy.Template(parse, model), options: new()
        {
            MaxLength = Math.Min(parse.GetValue(_maxLength), config.ContextLength),
        });
        (List<InstructionExample> training, List<InstructionExample> heldOut) = _heldOut.Split(parse, rows, row => row.Id!,
            file => Rows.Instructions(file, limit: 0, answered: true));
        var stage = new TrainingStage
        {
            Out = output,
            Initial = model,
            Settings = settings,
            Group = Group,
            Options = _training.Trainer(parse, _policy.Engine(parse)),
            TensorBoard = _training.TensorBoard(parse),
            Samples = _samples.Of(parse, tokenizer, heldOut.Concat(training).Select(r => (r.Id!, r.Instruction, r.Input))),
            Engine = _policy.Engine(parse),
            Loss = new MaximumLikelihoodLoss(MaximumLikelihoodTarget.Reference),
            Tokenization = report,
            HeldOut = HeldOutGroups.Of(into => Learned(heldOut, into), ui),
        };
        return stage.Run([.. Learned(training, report)], _ => null, ui, cancellationToken);

        IEnumerable<TokenGroup> Learned(IEnumerable<InstructionExample> rows, TokenizationReport? into) =>
            parse.GetValue(_turns) == "all" ? groups.TokenizeAnswers(rows, into) : groups.Tokenize(rows, into);
    }, cancellationToken);
}
