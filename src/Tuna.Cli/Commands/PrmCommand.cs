using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Models;
using Tuna.Data;
using Tuna.Losses;
using Tuna.Rankers.RewardModels;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Cli.Training;
using Tuna.Distributed;

namespace Tuna.Cli.Commands;

/// <summary>Trains a reward model, under the paper's name for it.</summary>
internal sealed class PrmCommand : StageCommand
{
    public const string Summary =
        "Trains a reward model (the paper's proxy ranking model, PRM): it learns a judge's rankings and then ranks in the judge's place, "
        + "for free (`tuna rank --judge prm:FOLDER`).";

    private readonly PolicyOptions _policy =
        new(about: "The model to start from: a policy (its head is replaced by a scalar one) or an earlier reward model.", trains: true);
    private readonly Setting<string> _data = new("--data", "-d")
    {
        Effect = Effect.Content,
        Description = "Rows that a judge ranked (output[], score[]) in any form that `tuna convert` reads.",
        Required = true,
    };
    private readonly Setting<int> _limit = new("--limit") { Range = Rule.AtLeast(0), Description = "Only the first rows; 0 for all." };
    private readonly Setting<int> _maxLength = new("--max-length")
    {
        Range = Rule.AtLeast(2),
        Description = "Longest prompt with response in tokens.",
        DefaultValueFactory = _ => 512,
    };
    private readonly Setting<bool> _truncate =
        new("--truncate") { Description = "Cut candidates that are too long instead of leaving them out." };
    private readonly Setting<string> _objective = new("--objective")
    {
        Among = ["pairwise", "plackett-luce"],
        Description = "pairwise (logistic loss on all pairs) or plackett-luce (likelihood of the whole ranking).",
        DefaultValueFactory = _ => "pairwise",
    };
    private readonly HeldOut _heldOut = new(usual: 0.1);
    private readonly TrainingOptions _training = new(epochs: 1, learningRate: 1e-5, batch: 16);

    public PrmCommand(App app)
        : base(app, "prm", Summary)
    {
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_data, _limit, _maxLength, _truncate, _objective])
            Options.Add(option);
        _heldOut.AddTo(this);
        _training.AddTo(this);
        Examples =
        [
            "tuna prm --model alpaca --data ranked.jsonl --out prm",
            "tuna rank --data more-samples.jsonl --judge prm:prm --out ranked-by-prm.jsonl",
        ];
    }

    public override MpiOptions? Together(ParseResult parse) => _training.Together(parse);

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) =>
        Task.Run(() => Run(parse, ui, cancellationToken), cancellationToken);

    private StageResult Run(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string data = parse.GetValue(_data)!, model = _policy.Folder(parse)!, output = _training.Out(parse);
        ModelFolder.Require(model);
        IReadOnlyList<RankedExample> rows = Rows.Ranked(data, parse.GetValue(_limit));
        Fingerprint settings = Fingerprint.Of(parse);
        if (ModelRecord.IsFinished(output, settings))
            return TrainingStage.AlreadyThere(output, Group);

        ITokenizer tokenizer = _policy.Tokenizer(parse, model);
        var config = LlamaConfig.Load(model);
        ModelFolder.RequireMatch(tokenizer, config.VocabularySize, model);
        var report = new TokenizationReport();
        var groups = new GroupTokenizer(tokenizer, _policy.Template(parse, model), options: new()
        {
            MaxLength = Math.Min(parse.GetValue(_maxLength), config.ContextLength),
            Overlong = parse.GetValue(_truncate) ? OverlongResponse.Truncate : OverlongResponse.Drop,
            Reference = ReferenceSource.None,
            MinCandidates = 2,
        });
        (List<RankedExample> training, List<RankedExample> heldOut) = _heldOut.Split(parse, rows, row => row.Id,
            file => Rows.Ranked(file, limit: 0));
        var stage = new TrainingStage
        {
            Out = output,
            Initial = model,
            Settings = settings,
            Group = Group,
            Options = _training.Trainer(parse, _policy.Engine(parse)),
            TensorBoard = _training.TensorBoard(parse),
            Engine = _policy.Engine(parse),
            IsRewardModel = true,
            Loss = parse.GetValue(_objective) == "pairwise" ? new PairwiseLogisticLoss() : ListMleLoss.OnRawValues(),
            Tokenization = report,
            HeldOut = HeldOutGroups.Of(issues => groups.Tokenize(heldOut, issues), ui),
            Measure = reward =>
            {
                JsonObject facts = RankerReport.Facts(RankerReport.Measure(reward, groups, heldOut, ui, cancellationToken));
                return (facts, RankerReport.Text(facts));
            },
        };
        return stage.Run([.. groups.Tokenize(training, report)], _ => null, ui, cancellationToken);
    }
}
