using System.CommandLine;
using Tuna.Data;
using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Rankers.Proxy;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Cli.Training;

namespace Tuna.Cli.Commands;

/// <summary>Trains a proxy ranking model.</summary>
internal sealed class PrmCommand : StageCommand
{
    private readonly PolicyOptions _policy = new(about: "The model to start from: a policy (its head is replaced by a scalar one) or an earlier proxy ranking model.");
    private readonly Option<string> _data = new("--data", "-d") { Description = "Rows that a judge ranked (output[], score[]), JSONL.", Required = true };
    private readonly Option<int> _limit = new("--limit") { Description = "Only the first rows; 0 for all." };
    private readonly Option<int> _maxLength = new("--max-length") { Description = "Longest prompt with response in tokens.", DefaultValueFactory = _ => 512 };
    private readonly Option<bool> _truncate = new("--truncate") { Description = "Cut candidates that are too long instead of leaving them out." };
    private readonly Option<string> _objective = new("--objective") { Description = "pairwise (logistic loss on all pairs) or plackett-luce (likelihood of the whole ranking).", DefaultValueFactory = _ => "pairwise" };
    private readonly Option<double> _heldOut = new("--held-out") { Description = "Share of the rows kept out of training, by a hash of their ids; the model is measured on them.", DefaultValueFactory = _ => 0.1 };
    private readonly Option<ulong> _splitSeed = new("--split-seed") { Description = "Another seed holds other rows out." };
    private readonly TrainingOptions _training = new(epochs: 1, learningRate: 1e-5, batch: 16);

    public PrmCommand(App app)
        : base(app, "prm", "Trains a proxy ranking model: it learns a judge's rankings and then ranks in the judge's place, for free (`tuna rank --judge prm:FOLDER`).")
    {
        _objective.AcceptOnlyFromAmong("pairwise", "plackett-luce");
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_data, _limit, _maxLength, _truncate, _objective, _heldOut, _splitSeed])
            Options.Add(option);
        _training.AddTo(this);
        Examples =
        [
            "tuna prm --model alpaca --data ranked.jsonl --out prm",
            "tuna rank --data more-samples.jsonl --judge prm:prm --out ranked-by-prm.jsonl",
        ];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) => Task.Run(() => Run(parse, ui, cancellationToken), cancellationToken);

    private StageResult Run(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string data = parse.GetValue(_data)!, model = _policy.Folder(parse)!, output = _training.Out(parse);
        PolicyOptions.RequireFolder(model);
        double share = parse.GetValue(_heldOut);
        IReadOnlyList<RankedExample> rows = Rows.Ranked(data, parse.GetValue(_limit));
        Fingerprint settings = Settings(parse, data, model);
        if (ModelRecord.IsFinished(output, settings))
            return TrainingStage.AlreadyThere(output);

        ITokenizer tokenizer = TokenizerChoice.Create(_policy.TokenizerName(parse), model);
        using ManagedRewardModel reward = ManagedRewardModel.Load(model, _policy.Engine(parse) with { Seed = _training.Seed(parse) });
        PolicyOptions.RequireMatch(tokenizer, reward.Info.VocabularySize, model);
        var report = new TokenizationReport();
        var groups = new GroupTokenizer(tokenizer, options: new()
        {
            MaxLength = Math.Min(parse.GetValue(_maxLength), reward.Info.ContextLength),
            Overlong = parse.GetValue(_truncate) ? OverlongResponse.Truncate : OverlongResponse.Drop,
            Reference = ReferenceSource.None,
            MinCandidates = 2,
        });
        List<TokenGroup> training = [.. groups.Tokenize(rows.Where(r => !StableHash.IsHeldOut(r.Id, share, parse.GetValue(_splitSeed))), report)];
        List<RankedExample> heldOut = [.. rows.Where(r => StableHash.IsHeldOut(r.Id, share, parse.GetValue(_splitSeed)))];
        var stage = new TrainingStage
        {
            Out = output,
            Initial = model,
            Settings = settings,
            Options = _training.Trainer(parse),
            Loss = parse.GetValue(_objective) == "pairwise" ? new PairwiseLogisticLoss() : ListMleLoss.OnRawValues(),
            Tokenization = report,
            Measure = () => RankerReport.Facts(RankerReport.Measure(reward, groups, heldOut, ui, cancellationToken)),
        };
        StageResult result = stage.Run(reward, training, () => null, ui, cancellationToken);
        return result with { Summary = $"{result.Summary}{Environment.NewLine}{RankerReport.Text(result.Facts)}" };
    }

    private Fingerprint Settings(ParseResult parse, string data, string model) => _training.AddTo(new Fingerprint(), parse)
        .With("command", Name)
        .WithContent("model", model)
        .WithContent("data", data)
        .With("limit", parse.GetValue(_limit))
        .With("max length", parse.GetValue(_maxLength))
        .With("truncate", parse.GetValue(_truncate))
        .With("tokenizer", _policy.TokenizerName(parse))
        .With("objective", parse.GetValue(_objective))
        .With("held out", parse.GetValue(_heldOut))
        .With("split seed", parse.GetValue(_splitSeed));
}
