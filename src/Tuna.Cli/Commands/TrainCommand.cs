using System.CommandLine;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Cli.Training;
using Tuna.Distributed;
using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Losses;
using Tuna.Models;
using Tuna.Policies;
using Tuna.Tokenization;
using Tuna.Training;

namespace Tuna.Cli.Commands;

/// <summary>Training on ranked responses.</summary>
internal sealed class TrainCommand : StageCommand
{
    public const string Summary =
        "Trains a model to prefer the better of ranked responses (Eq. 4 to 6 of the paper, or another objective).";

    private readonly PolicyOptions _policy = new(about: "The model to start from: a folder in the Hugging Face layout.", trains: true);
    private readonly Setting<string[]> _data = new("--data", "-d")
    {
        Effect = Effect.Content,
        Description = "Ranked rows (output[], score[], reference) in any form that `tuna convert` reads. May be repeated: files are mixed.",
        Required = true,
    };
    private readonly Setting<int> _limit =
        new("--limit") { Range = Rule.AtLeast(0), Description = "Only the first rows of each file; 0 for all." };
    private readonly Setting<int> _maxLength = new("--max-length")
    {
        Range = Rule.AtLeast(2),
        Description = "Longest prompt with response in tokens; longer candidates are left out and counted.",
        DefaultValueFactory = _ => 512,
    };
    private readonly Setting<string> _reference = new("--reference")
    {
        Among = ["given", "best", "none"],
        Description = "Where the reference response comes from: given, best (the best candidate where the row has none) or none.",
        DefaultValueFactory = _ => "given",
    };
    private readonly ObjectiveOptions _objective = new();
    private readonly HeldOut _heldOut = new();
    private readonly SampleOptions _samples = new();
    private readonly TrainingOptions _training = new(epochs: 1, learningRate: 1e-5, batch: 128);

    public TrainCommand(App app)
        : base(app, "train", Summary)
    {
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_data, _limit, _maxLength])
            Options.Add(option);
        _objective.AddTo(this);
        Options.Add(_reference);
        _heldOut.AddTo(this);
        _samples.AddTo(this);
        _training.AddTo(this);
        Examples =
        [
            "tuna train --model alpaca --data ranked.jsonl --out tuna-p",
            "tuna train --model tuna-p --data contextual.jsonl --out tuna --lr 1e-6",
            "tuna train --model alpaca --data probabilistic.jsonl --data contextual.jsonl --out mix-tuna",
            "tuna train --model alpaca --data ranked.jsonl --out dpo --objective dpo --beta 0.1",
            "tuna train --model llama-3.1-8b --data ranked.jsonl --out tuned --engine torch --device cuda --lora-rank 16 --lr 1e-4",
        ];
    }

    public override MpiOptions? Together(ParseResult parse) => _training.Together(parse);

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) =>
        Task.Run(() => Run(parse, ui, cancellationToken), cancellationToken);

    private StageResult Run(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string model = _policy.Folder(parse)!, output = _training.Out(parse);
        ModelFolder.Require(model);
        IReadOnlyList<RankedExample> rows = [.. parse.GetValue(_data)!.SelectMany(file => RankedRows(file, parse.GetValue(_limit)))];
        Fingerprint settings = Fingerprint.Of(parse);
        if (ModelRecord.IsFinished(output, settings))
            return TrainingStage.AlreadyThere(output, Group);

        (IRankingLoss loss, string objective) = _objective.Create(parse);
        bool learnsReference = loss.Needs.ReferenceResponse;
        if (learnsReference && parse.GetValue(_reference) == "none")
            throw new StageException(
                $"--reference none leaves --objective {objective} without the reference responses that it learns. --reference best takes "
                + $"the best candidates, --lambda 0 does without.", ExitCodes.Usage);
        bool drawn = loss.Needs.OldPolicy && _objective.TakesDrawnLogProbs(parse);
        ITokenizer tokens = _policy.Tokenizer(parse, model);
        GroupTokenizer tokenizer = Tokenizer(parse, model, tokens, learnsReference, drawn);
        var report = new TokenizationReport();
        (List<RankedExample> training, List<RankedExample> heldOut) = _heldOut.Split(parse, rows, row => row.Id,
            file => RankedRows(file, limit: 0));
        IReadOnlyList<TokenGroup> groups = [.. tokenizer.Tokenize(training, report)];
        if (report.Count(TokenizationIssueKind.ReferenceMissing) is > 0 and var missing)
            ui.Warn($"{missing} rows have no reference response (`reference`) within --max-length, which this objective learns too. "
                + $"--reference best takes the best candidate instead, --lambda 0 does without.");
        TrainerOptions options = _training.Trainer(parse, _policy.Engine(parse));
        var stage = new TrainingStage
        {
            Out = output,
            Initial = model,
            Settings = settings,
            Group = Group,
            Options = options,
            TensorBoard = _training.TensorBoard(parse),
            Samples = _samples.Of(parse, tokens, heldOut.Concat(training).Select(r => (r.Id, r.Instruction, r.Input ?? ""))),
            Loss = loss,
            Engine = _policy.Engine(parse),
            Tokenization = report,
            HeldOut = HeldOutGroups.Of(issues => tokenizer.Tokenize(heldOut, issues), ui),
            OldPolicy = drawn ? null : scored => Frozen(parse, options, scored, model, "model as it is", ui, cancellationToken),
        };
        string frozen = _objective.ReferenceModel(parse) ?? model;
        return stage.Run(groups, scored => Frozen(parse, options, scored, frozen, "frozen policy", ui, cancellationToken), ui,
            cancellationToken);
    }

    private GroupTokenizer Tokenizer(ParseResult parse, string model, ITokenizer tokenizer, bool learnsReference, bool drawn)
    {
        LlamaConfig config = LlamaConfig.Load(model);
        ModelFolder.RequireMatch(tokenizer, config.VocabularySize, model);
        return new GroupTokenizer(tokenizer, _policy.Template(parse, model), options: new()
        {
            MaxLength = Math.Min(parse.GetValue(_maxLength), config.ContextLength),
            OldPolicy = drawn,
            Reference = parse.GetValue(_reference) switch
            {
                "best" => ReferenceSource.GivenOrBest,
                "none" => ReferenceSource.None,
                _ => learnsReference ? ReferenceSource.Required : ReferenceSource.Given,
            },
        });
    }

    // Scored before training and kept in the run's folder: a resumed run finds all of it there.
    private ReferenceLogProbs Frozen(ParseResult parse, TrainerOptions options, IReadOnlyList<TokenGroup> groups, string folder,
        string what, StageUi ui, CancellationToken cancellationToken)
    {
        string journal = Path.Combine(options.RunFolder!, "reference.jsonl"), fingerprint = ContentHash.Of(folder);
        LoadedPolicy? reference = null;
        try
        {
            return ui.Measure($"scoring with the {what}, {folder}", "groups", groups.Count, 0, meter =>
                ReferenceLogProbs.GetOrScore(journal, fingerprint, groups, () => (reference = _policy.Load(parse, folder)).Policy,
                    progress: new CountMeter(meter), cancellationToken: cancellationToken));
        }
        finally
        {
            reference?.Dispose();
        }
    }

    private static IReadOnlyList<RankedExample> RankedRows(string file, int limit)
    {
        IReadOnlyList<RankedExample> rows = Rows.Ranked(file, limit);
        if (!rows.Any(r => r.IsRanked))
            throw new StageException($"{file}: no row has scores. Rank it first: tuna rank --data {file} --judge ... --out ranked.jsonl");
        return rows;
    }
}
