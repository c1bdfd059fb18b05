using System.CommandLine;
using Tuna.Data;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Training;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Cli.Training;

namespace Tuna.Cli.Commands;

/// <summary>Training on ranked responses.</summary>
internal sealed class TrainCommand : StageCommand
{
    private readonly PolicyOptions _policy = new(about: "The model to start from: a folder in the Hugging Face layout.");
    private readonly Option<string[]> _data = new("--data", "-d") { Description = "Ranked rows (output[], score[], reference), JSONL. May be repeated: files are mixed.", Required = true };
    private readonly Option<int> _limit = new("--limit") { Description = "Only the first rows of each file; 0 for all." };
    private readonly Option<int> _maxLength = new("--max-length") { Description = "Longest prompt with response in tokens; longer candidates are left out and counted.", DefaultValueFactory = _ => 512 };
    private readonly Option<string> _objective = new("--objective") { Description = "The objective: " + string.Join("; ", Objectives.All.Select(o => $"{o.Name} ({o.About})")) + ".", DefaultValueFactory = _ => "tuna" };
    private readonly Option<double?> _margin = new("--margin") { Description = "Margin per rank (Eq. 5)." };
    private readonly Option<double?> _lambda = new("--lambda") { Description = "Weight of the likelihood term (Eq. 6)." };
    private readonly Option<double?> _beta = new("--beta") { Description = "Inverse temperature of objectives that have one." };
    private readonly Option<double?> _gamma = new("--gamma") { Description = "Target margin of objectives that have one." };
    private readonly Option<string> _reduction = new("--reduction") { Description = "For `tuna`: paper (sum over pairs) or released (as the authors' code computes it).", DefaultValueFactory = _ => "paper" };
    private readonly Option<string> _reference = new("--reference") { Description = "Where the original response comes from: given, best (the best candidate where the row has none) or none.", DefaultValueFactory = _ => "given" };
    private readonly Option<string?> _referenceModel = new("--reference-model") { Description = "Frozen policy of dpo, ipo and others; the model itself when left out." };
    private readonly TrainingOptions _training = new(epochs: 1, learningRate: 1e-5, batch: 128);

    public TrainCommand(App app)
        : base(app, "train", "Trains a model to prefer the better of ranked responses (Eq. 4 to 6 of the paper, or another objective).")
    {
        _objective.AcceptOnlyFromAmong([.. Objectives.All.Select(o => o.Name)]);
        _reduction.AcceptOnlyFromAmong("paper", "released");
        _reference.AcceptOnlyFromAmong("given", "best", "none");
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_data, _limit, _maxLength, _objective, _margin, _lambda, _beta, _gamma, _reduction, _reference, _referenceModel])
            Options.Add(option);
        _training.AddTo(this);
        Examples =
        [
            "tuna train --model alpaca --data ranked.jsonl --out tuna-p",
            "tuna train --model tuna-p --data contextual.jsonl --out tuna --lr 1e-6",
            "tuna train --model alpaca --data probabilistic.jsonl --data contextual.jsonl --out mix-tuna",
            "tuna train --model alpaca --data ranked.jsonl --out dpo --objective dpo --beta 0.1",
        ];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) => Task.Run(() => Run(parse, ui, cancellationToken), cancellationToken);

    private StageResult Run(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string[] data = parse.GetValue(_data)!;
        string model = _policy.Folder(parse)!, output = _training.Out(parse);
        PolicyOptions.RequireFolder(model);
        IReadOnlyList<RankedExample> rows = [.. data.SelectMany(file => RankedRows(file, parse.GetValue(_limit)))];
        Fingerprint settings = Settings(parse, data, model);
        if (ModelRecord.IsFinished(output, settings))
            return TrainingStage.AlreadyThere(output);

        using LoadedPolicy loaded = _policy.Load(parse);
        var report = new TokenizationReport();
        Objective objective = Objectives.Find(parse.GetValue(_objective)!);
        var constants = new ObjectiveSettings(
            parse.GetValue(_margin), parse.GetValue(_lambda), parse.GetValue(_beta), parse.GetValue(_gamma),
            parse.GetValue(_reduction) == "released" ? MarginReduction.Released : MarginReduction.Paper);
        IRankingLoss loss = objective.Create(constants);
        bool learnsReference = objective.LearnsReference?.Invoke(constants) ?? false;
        if (learnsReference && parse.GetValue(_reference) == "none")
            throw new StageException($"--reference none leaves --objective {objective.Name} without the original responses that it learns. --reference best takes the best candidates, --lambda 0 does without.", ExitCodes.Usage);
        var tokenizer = new GroupTokenizer(loaded.Tokenizer, options: new()
        {
            MaxLength = Math.Min(parse.GetValue(_maxLength), loaded.Policy.Info.ContextLength),
            Reference = parse.GetValue(_reference) switch
            {
                "best" => ReferenceSource.GivenOrBest,
                "none" => ReferenceSource.None,
                _ => learnsReference ? ReferenceSource.Required : ReferenceSource.Given,
            },
        });
        IReadOnlyList<TokenGroup> groups = [.. tokenizer.Tokenize(rows, report)];
        if (report.Count(TokenizationIssueKind.ReferenceMissing) is > 0 and var missing)
            ui.Warn($"{missing} rows have no original response (`reference`) within --max-length, which this objective learns too. --reference best takes the best candidate instead, --lambda 0 does without.");
        TrainerOptions options = _training.Trainer(parse);
        var stage = new TrainingStage { Out = output, Initial = model, Settings = settings, Options = options, Loss = loss, Tokenization = report };
        return stage.Run(loaded.Policy, groups, () => loss.Needs.ReferencePolicy ? Reference(parse, options, groups, model, ui, cancellationToken) : null, ui, cancellationToken);
    }

    // Scored before training and kept in the run's folder: a resumed run finds all of it there.
    private ReferenceLogProbs Reference(ParseResult parse, TrainerOptions options, IReadOnlyList<TokenGroup> groups, string model, StageUi ui, CancellationToken cancellationToken)
    {
        string folder = parse.GetValue(_referenceModel) ?? model;
        var cache = new ReferencePolicyCache(Path.Combine(options.RunFolder!, "reference.jsonl"), ContentHash.Of(folder));
        LoadedPolicy? reference = null;
        try
        {
            return ui.Measure($"scoring with the frozen policy {folder}", "groups", groups.Count, 0, meter =>
                cache.GetOrScore(groups, () => (reference = _policy.Load(parse, folder)).Policy, new CountMeter(meter), cancellationToken));
        }
        finally
        {
            reference?.Dispose();
        }
    }

    private static IEnumerable<RankedExample> RankedRows(string file, int limit)
    {
        IReadOnlyList<RankedExample> rows = Rows.Ranked(file, limit);
        if (!rows.Any(r => r.IsRanked))
            throw new StageException($"{file}: no row has scores. Rank it first: tuna rank --data {file} --judge ... --out ranked.jsonl");
        return rows;
    }

    private Fingerprint Settings(ParseResult parse, string[] data, string model)
    {
        Fingerprint settings = _training.AddTo(new Fingerprint(), parse)
            .With("command", Name)
            .WithContent("model", model)
            .With("limit", parse.GetValue(_limit))
            .With("max length", parse.GetValue(_maxLength))
            .With("tokenizer", _policy.TokenizerName(parse))
            .With("objective", parse.GetValue(_objective))
            .With("margin", parse.GetValue(_margin))
            .With("lambda", parse.GetValue(_lambda))
            .With("beta", parse.GetValue(_beta))
            .With("gamma", parse.GetValue(_gamma))
            .With("reduction", parse.GetValue(_reduction))
            .With("reference", parse.GetValue(_reference));
        if (parse.GetValue(_referenceModel) is { } reference)
            settings.WithContent("reference model", reference);
        foreach ((int i, string file) in data.Index())
            settings.WithContent($"data {i}", file);
        return settings;
    }
}
