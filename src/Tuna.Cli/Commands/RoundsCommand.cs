using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json.Nodes;
using Tuna.Chat;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Recipes;
using Tuna.Cli.Rounds;
using Tuna.Cli.Services;
using Tuna.Cli.Telemetry;
using Tuna.Cli.Terminal;
using Tuna.Cli.Training;
using Tuna.Data;
using Tuna.IO;

namespace Tuna.Cli.Commands;

/// <summary>The recipe as one command, several times over: sample, rank, train, and again from the new policy.</summary>
internal sealed class RoundsCommand : StageCommand
{
    public const string Summary =
        "The recipe as one command, several times over: the policy answers, a judge ranks, the policy learns, and the new policy "
        + "answers again. Kill it at any moment and run the same command again.";

    private const double UsualShare = 0.05;
    private const int UsualRows = 256;
    private const int FewRows = 64;

    private static readonly string[] s_own =
        ["model", "teacher", "data", "out", "seed", "base-url", "judge", "objective", "reference-model", "held-out", "split-seed", "budget",
        "budget-tokens", "shard"];

    private readonly App _app;
    private readonly Setting<string> _model = new("--model", "-m")
    {
        Description = "The policy of round 0: a folder in the Hugging Face layout.",
        Required = true,
    };
    private readonly Setting<string> _data = new("--data", "-d")
    {
        Description = "Instructions in Alpaca's form or another that `tuna convert` reads; an `output` becomes the row's reference.",
        Required = true,
    };
    private readonly Setting<string> _work = new("--out", "-o", "--work", "-w")
    {
        Description = "Folder for all files in between, a folder a round; report.html and rounds.json in it are the result.",
        Required = true,
    };
    private readonly Setting<int> _rounds = new("--rounds", "-k")
    {
        Range = Rule.AtLeast(1),
        Description = "How many. More of them later go on.",
        DefaultValueFactory = _ => 3,
    };
    private readonly Setting<int> _limit = new("--limit") { Range = Rule.AtLeast(0), Description = "Only the first rows; 0 for all." };
    private readonly Setting<int> _rows = new("--rows")
    {
        Range = Rule.AtLeast(0),
        Description = "Instructions of a round, in turns through the data; 0 takes all of them in each.",
    };
    private readonly Setting<string> _sampler = new("--sampler")
    {
        Description =
            "Who responds: policy (that of the round before), policy:FOLDER (a local teacher), openai:MODEL@ADDRESS or "
            + "completions:MODEL@ADDRESS (any server of the OpenAI protocol, such as vLLM; {round} in MODEL is the round's number).",
        DefaultValueFactory = _ => "policy",
    };
    private readonly Setting<string> _judge =
        new("--judge", "-j") { Description = JudgeOptions.Help + " A service's address may follow its model after an @.", Required = true };
    private readonly Setting<string> _objective = new("--objective")
    {
        Description =
            "What the training of a round learns, as in `tuna train` (one objective, or several with weights); rloo and gspo take the "
            + "scores as rewards.",
        DefaultValueFactory = _ => Objectives.Usual,
    };
    private readonly Setting<string> _reference = new("--reference-policy")
    {
        Among = ["start", "previous"],
        Description = "The frozen policy of objectives that have one: that of round 0, or that of the round before.",
        DefaultValueFactory = _ => "start",
    };
    private readonly Setting<ulong> _seed = new("--seed") { Description = "Seed of the first round; each further one has the next." };
    private readonly Setting<double?> _heldOut = new("--held-out")
    {
        Range = Rule.OrNone(Rule.Share<double>()),
        Description =
            $"Share of the instructions that no round trains on, by a hash of their ids; every policy is measured on them. Default: 5 %, "
            + $"about {UsualRows} rows at most, and none of fewer than {FewRows}.",
    };
    private readonly Setting<ulong> _splitSeed = new("--split-seed") { Description = "Another seed holds other rows out." };
    private readonly Setting<string[]> _sample = Words("--sample", "`tuna sample`", "count=8");
    private readonly Setting<string[]> _rank = Words("--rank", "`tuna rank`", "orders=4");
    private readonly Setting<string[]> _train = Words("--train", "`tuna train`", "lr=1e-6");
    private readonly Setting<string[]> _answer = Words("--answer",
        "the `tuna generate` by which each policy answers the held-out prompts once, greedily unless told otherwise", "temperature=0.7");
    private readonly Setting<decimal?> _budget = new("--budget")
    {
        Range = Rule.OrNone(Rule.Above(0m)),
        Description = "Most money for all calls of all rounds; needs prices (--rank price-input=... price-output=..., --sample likewise).",
    };
    private readonly Setting<long?> _budgetTokens = new("--budget-tokens")
    {
        Range = Rule.OrNone(Rule.AtLeast(1L)),
        Description = "Most tokens for all calls of all rounds. Where a service is asked, this or --budget must be given.",
    };
    private readonly EngineOptions _engine = new(trains: true);
    private readonly TokenizerOptions _tokenizer = new();

    public RoundsCommand(App app)
        : base(app, "rounds", Summary)
    {
        _app = app;
        foreach (Option option in (Option[])[_model, _data, _work, _rounds, _limit, _rows, _sampler, _judge, _objective, _reference, _seed,
            _heldOut, _splitSeed, _sample, _rank, _train, _answer, _budget, _budgetTokens])
            Options.Add(option);
        _tokenizer.AddTo(this);
        _engine.AddTo(this);
        Examples =
        [
            "tuna rounds --model alpaca --data alpaca.json --judge openai:gpt-4o --budget-tokens 5000000 --out runs/rounds",
            "tuna rounds --model alpaca --data alpaca.json --judge prm:prm --objective rloo --rounds 5 --rows 512 --out runs/rlhf",
            "tuna rounds --model alpaca --data alpaca.json --judge prm:prm --objective gspo --train clip-low=0.2 clip-high=0.28 "
                + "--sample count=8 --out runs/gspo",
            "tuna rounds --model alpaca --data alpaca.json --sampler openai:llama-70b@http://localhost:8000/v1 --judge probabilistic "
                + "--budget-tokens 20000000 --out runs/teacher",
        ];
    }

    public override async Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        ModelFolder.Require(parse.GetValue(_model)!);
        IReadOnlyList<InstructionExample> rows = Rows.Instructions(parse.GetValue(_data)!, parse.GetValue(_limit));
        RoundsSettings settings = Settings(parse, rows.Count);
        SharedBudget budget = Budget(parse, settings, rows, ui);
        var runner = new RecipeRunner(_app, settings.Work, inherited: [.. TelemetryOptions.Arguments(parse)]) { Late = budget.OptionsFor };
        var run = new RoundsRun(settings, budget, runner, ui);
        using FileLock held = FileLock.Acquire(Path.Combine(Directory.CreateDirectory(settings.Work).FullName, "rounds"));
        RoundsOutcome outcome = await run.ExecuteAsync(rows, cancellationToken);
        JsonObject facts = outcome.Report.ToJson();
        facts["ran"] = outcome.Ran;
        facts["skipped"] = outcome.Skipped;
        facts["failed_stage"] = outcome.FailedStage;
        facts["out"] = Path.Combine(settings.Work, "report.html");
        string text = outcome.FailedStage is { } failed
            ? $"The rounds stopped at stage {failed} (exit code {outcome.Code}): mend it and run the same command again; what is finished "
                + "stays."
            : string.Join(Environment.NewLine, outcome.Report.ToText(),
                $"{facts["out"]}: written. The policy is {settings.PolicyAfter(settings.Rounds)}.");
        return new(text, facts, outcome.Code);
    }

    private RoundsSettings Settings(ParseResult parse, int rows) => new()
    {
        Model = Path.TrimEndingDirectorySeparator(parse.GetValue(_model)!),
        Work = parse.GetValue(_work)!,
        Rounds = parse.GetValue(_rounds),
        Sampler = ModelName.Parse("--sampler", parse.GetValue(_sampler)!, "policy", "policy:", "openai:", "completions:"),
        Judge = ModelName.Parse("--judge", parse.GetValue(_judge)!, "openai:", "probabilistic", "policy:", "prm:"),
        Mix = ObjectiveMix.Parse(parse.GetValue(_objective)!, out string? wrong) ?? throw new StageException(wrong!, ExitCodes.Usage),
        ReferenceIsPrevious = parse.GetValue(_reference) == "previous",
        Rows = parse.GetValue(_rows),
        HeldOut = parse.GetValue(_heldOut) ?? (rows < FewRows ? 0 : Math.Min(UsualShare, (double)UsualRows / rows)),
        SplitSeed = parse.GetValue(_splitSeed),
        Seed = parse.GetValue(_seed),
        Sample = new("--sample", parse.GetValue(_sample) ?? [], s_own),
        Rank = new("--rank", parse.GetValue(_rank) ?? [], s_own),
        Train = new("--train", parse.GetValue(_train) ?? [], s_own),
        Answer = new("--answer", parse.GetValue(_answer) ?? [], s_own),
        Asking = Given(parse, [.. _tokenizer.All, .. new EngineOptions().All]),
        Training = Given(parse, [.. _tokenizer.All, .. _engine.All]),
    };

    private SharedBudget Budget(ParseResult parse, RoundsSettings s, IReadOnlyList<InstructionExample> rows, StageUi ui)
    {
        TokenPrices Prices(StageWords words) => new(words.Amount("price-input"), words.Amount("price-output"));
        var budget = new SharedBudget(s.Work, parse.GetValue(_budgetTokens), parse.GetValue(_budget), Prices(s.Sample), Prices(s.Rank));
        if (!s.Sampler.IsService && !s.Judge.IsService)
            return budget;
        string estimate = RoundsEstimate.Of(s, rows).Text("the services in all rounds", TokenPrices.None);
        if (budget.Tokens is null && budget.Money is null)
            throw new StageException(
                $"Rounds that ask a service need a budget, which covers all of them: --budget-tokens, or --budget with prices. {estimate}",
                ExitCodes.Usage);
        if (budget.Money is not null && budget.Tokens is null
            && ((s.Sampler.IsService && budget.Sampler == TokenPrices.None) || (s.Judge.IsService && budget.Judge == TokenPrices.None)))
            throw new StageException(
                "--budget counts money: give the prices of every service that is asked (--rank price-input=... price-output=..., --sample "
                + "likewise), or --budget-tokens too.", ExitCodes.Usage);
        ui.Note(estimate);
        return budget;
    }

    // What was given on the command line, as it was given.
    private static IReadOnlyList<(string, string?)> Given(ParseResult parse, IEnumerable<Option> options)
    {
        var own = parse.CommandResult.Command.Options.ToDictionary(o => o.Name, StringComparer.Ordinal);
        return [.. options.Select(o => parse.GetResult(own[o.Name])).OfType<OptionResult>().Where(r => !r.Implicit)
            .SelectMany(r => r.Tokens.Select(t => (r.Option.Name, (string?)t.Value)))];
    }

    private static Setting<string[]> Words(string name, string what, string example) => new(name)
    {
        AllowMultipleArgumentsPerToken = true,
        Description = $"Options of {what}, KEY=VALUE each, such as {example}. May be repeated.",
    };
}
