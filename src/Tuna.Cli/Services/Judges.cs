using System.CommandLine;
using System.CommandLine.Parsing;
using Tuna.Policies;
using Tuna.Rankers.Aggregation;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Probabilistic;
using Tuna.Rankers.RewardModels;
using Tuna.Ranking;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using Tuna.Data;

namespace Tuna.Cli.Services;

/// <summary>A judge that was opened, and what must be closed after it.</summary>
internal sealed record OpenJudge(IResponseRanker Ranker, int Parallel, ServiceConnection? Service, IReadOnlyList<IDisposable> Owned)
    : IDisposable
{
    public void Dispose()
    {
        foreach (IDisposable owned in Owned.Reverse())
            owned.Dispose();
    }
}

/// <summary>The options by which a command takes a judge, `KIND` or `KIND:WHAT`.</summary>
internal sealed class JudgeOptions
{
    public const string Help =
        "Who judges: openai:MODEL (a strong model, the paper's contextual ranking), probabilistic (the log-probabilities in the rows, Eq. "
        + "3), "
        + "policy:FOLDER (a local teacher's log-probabilities, Eq. 3), prm:FOLDER (a reward model made by `tuna prm`).";

    private readonly Setting<string> _judge = new("--judge", "-j") { Recorded = Recorded, Description = Help, Required = true };
    private readonly Setting<double> _beta = new("--beta")
    {
        Description = "Length exponent of Eq. 3; above 1 favours longer responses.",
        DefaultValueFactory = _ => LengthPenalizedScore.DefaultBeta,
    };
    private readonly Setting<string> _prompt = new("--prompt")
    {
        Among = ["paper", "hardened", "json"],
        Description =
            "How a service is asked: paper (Table 9, byte for byte), hardened (delimits responses that try to steer the judge) or json (a "
            + "JSON schema).",
        DefaultValueFactory = _ => "paper",
    };
    private readonly Setting<float?> _temperature = new("--judge-temperature")
    {
        Description = "The judge's temperature; leave it out for 0, give a negative number to send none.",
        DefaultValueFactory = _ => 0,
    };
    private readonly Setting<int> _reasks = new("--reasks")
    {
        Effect = Effect.Course,
        Range = Rule.AtLeast(0),
        Description = "How often an unreadable reply is asked again.",
        DefaultValueFactory = _ => 2,
    };
    private readonly Setting<int> _orders = new("--orders")
    {
        Range = Rule.AtLeast(1),
        Description =
            "For openai: judge each row with its candidates in up to this many different orders and combine the rankings; 1 is the "
            + "paper's single call. It ends early when two orders agree.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Setting<double> _minConsistency = new("--min-consistency")
    {
        Range = Rule.Share<double>(),
        Description = "With --orders: rows whose rankings agree less (Kendall's W, 0 to 1) are left out and named.",
    };
    private readonly Setting<double> _minPairSupport = new("--min-pair-support")
    {
        Range = Rule.Share<double>(),
        Description =
            "With --orders: neighbours in the ranking that a smaller share of the judgments orders so (0 to 1) become ties, which "
            + "training skips.",
    };
    private readonly Setting<string> _aggregate = new("--aggregate")
    {
        Among = [.. Aggregators.Keys],
        Description = "With --orders: how rankings are combined: " + string.Join(", ", Aggregators.Keys) + ".",
        DefaultValueFactory = _ => "borda",
    };
    private readonly TokenizerOptions _tokenizer = new();
    private readonly EngineOptions _engine = new();
    private readonly ServiceOptions _service = new();

    private static Dictionary<string, Func<IRankAggregator>> Aggregators { get; } = new(StringComparer.Ordinal)
    {
        ["borda"] = () => new BordaAggregator(),
        ["copeland"] = () => new CopelandAggregator(),
        ["kemeny"] = () => new KemenyAggregator(),
        ["plackett-luce"] = () => new PlackettLuceAggregator(),
    };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_judge, _beta, _prompt, _temperature, _reasks, _orders, _minConsistency, _minPairSupport,
            _aggregate])
            command.Options.Add(option);
        _tokenizer.AddTo(command);
        _engine.AddTo(command);
        _service.AddTo(command);
        command.Validators.Add(Check);
    }

    public string Name(ParseResult parse) => parse.GetValue(_judge)!;

    // A setting of another kind of judge would do nothing, which nobody means.
    private void Check(CommandResult result)
    {
        if (result.GetValue(_judge) is not { } judge)
            return;
        string kind = judge.Split(':')[0];
        Refuse(kind is "openai", "judges behind a service (openai:MODEL)",
            [_prompt, _temperature, _reasks, _orders, _minConsistency, _minPairSupport, _aggregate, .. _service.All]);
        Refuse(kind is "probabilistic" or "policy", "rankings by likelihood (probabilistic, policy:FOLDER)", [_beta]);
        Refuse(kind is "policy" or "prm", "local models (policy:FOLDER, prm:FOLDER)", [.. _tokenizer.All, .. _engine.All]);
        if (kind == "openai" && result.GetValue(_orders) <= 1)
            Refuse(false, "several orders (--orders 2 or more)", [_minConsistency, _minPairSupport, _aggregate]);

        void Refuse(bool applies, string what, IEnumerable<Option> options)
        {
            foreach (Option option in applies ? [] : options.Where(o => result.GetResult(o) is { Implicit: false }))
                result.AddError($"{option.Name} has no effect on --judge {judge}: it is for {what}. Leave it out.");
        }
    }

    // A local model is what its files hold.
    private static string? Recorded(string? judge) =>
        judge?.Split(':', 2) is [("prm" or "policy") and { } kind, { } folder] ? $"{kind}:{ContentHash.Of(RequiredFolder(folder))}" : judge;

    /// <summary>Opens the judge.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="journalPath">Where calls to a service are written down.</param>
    /// <param name="rows">The rows to judge.</param>
    /// <param name="ui">Tells what calls will cost, and has the clock.</param>
    /// <param name="whole">The output of all shares, where this run does one of them; null otherwise.</param>
    /// <param name="cancellationToken">Stops waiting for a budget's ledger.</param>
    public async Task<OpenJudge> OpenAsync(ParseResult parse, string journalPath, IReadOnlyList<RankedExample> rows, StageUi ui,
        string? whole, CancellationToken cancellationToken)
    {
        (string kind, string what) = Split(parse);
        return kind switch
        {
            "openai" => OpenService(parse, what, await _service.OpenAsync(parse, what, journalPath, Protocol.Chat,
                CallEstimate.Judging(rows, parse.GetValue(_orders)), ui, whole, cancellationToken)),
            "prm" => OpenProxy(parse, what),
            "policy" => OpenPolicy(parse, what),
            _ => new(new ProbabilisticRanker(parse.GetValue(_beta)), 1, null, []),
        };
    }

    private OpenJudge OpenService(ParseResult parse, string model, ServiceConnection service)
    {
        IResponseRanker ranker = new ContextualRanker(service.Client, new ContextualRankerOptions
        {
            Model = model,
            Temperature = parse.GetValue(_temperature) is >= 0 and var t ? t : null,
            MaxReasks = parse.GetValue(_reasks),
            Prompt = parse.GetValue(_prompt) switch { "hardened" => HardenedPrompt.Instance, "json" => JsonPrompt.Instance,
                _ => PaperPrompt.Instance },
        });
        if (parse.GetValue(_orders) is > 1 and var orders)
            ranker = new ConsistencyFilter(
                new PermutationRanker(ranker, new PermutationOptions
                {
                    MaxOrders = orders,
                    Aggregator = Aggregators[parse.GetValue(_aggregate)!](),
                }),
                parse.GetValue(_minConsistency),
                parse.GetValue(_minPairSupport));
        return new(ranker, _service.Parallel(parse), service, [service]);
    }

    private OpenJudge OpenProxy(ParseResult parse, string folder)
    {
        ITokenizer tokenizer = _tokenizer.Tokenizer(parse, folder);
        ITrainableScorer model = _engine.Choose(parse).LoadRewardModel(folder);
        ModelFolder.RequireMatch(tokenizer, model.Info.VocabularySize, folder);
        var ranker = new RewardModelRanker(model, tokenizer, _tokenizer.Template(parse, folder));
        return new(ranker, 1, null, [model, ranker]);
    }

    private OpenJudge OpenPolicy(ParseResult parse, string folder)
    {
        ITokenizer tokenizer = _tokenizer.Tokenizer(parse, folder);
        ITrainablePolicy model = _engine.Choose(parse).LoadPolicy(folder);
        ModelFolder.RequireMatch(tokenizer, model.Info.VocabularySize, folder);
        var ranker = new PolicyRanker(model, tokenizer, _tokenizer.Template(parse, folder), beta: parse.GetValue(_beta));
        return new(ranker, 1, null, [model, ranker]);
    }

    private (string Kind, string What) Split(ParseResult parse)
    {
        string judge = parse.GetValue(_judge)!;
        int colon = judge.IndexOf(':', StringComparison.Ordinal);
        (string kind, string what) = colon < 0 ? (judge, "") : (judge[..colon], judge[(colon + 1)..]);
        bool known = kind is "openai" or "prm" or "policy" ? what.Length > 0 : judge == "probabilistic";
        return known ? (kind, what) : throw new StageException($"--judge {judge} is not understood. {Help}", ExitCodes.Usage);
    }

    private static string RequiredFolder(string folder)
    {
        ModelFolder.Require(folder);
        return folder;
    }
}
