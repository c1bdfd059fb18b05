using System.CommandLine;
using Tuna.Llama.Managed;
using Tuna.Rankers.Aggregation;
using Tuna.Rankers.Judging;
using Tuna.Rankers.Probabilistic;
using Tuna.Rankers.Proxy;
using Tuna.Ranking;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Services;

/// <summary>A judge that was opened, and what must be closed after it.</summary>
internal sealed record OpenJudge(IResponseRanker Ranker, int Parallel, ServiceConnection? Service, IReadOnlyList<IDisposable> Owned) : IDisposable
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
    public const string Help = "Who judges: openai:MODEL (a strong model, the paper's contextual ranking), probabilistic (the log-probabilities in the rows, Eq. 3), "
        + "policy:FOLDER (a local teacher's log-probabilities, Eq. 3), prm:FOLDER (a proxy ranking model made by `tuna prm`).";

    private readonly Option<string> _judge = new("--judge", "-j") { Description = Help, Required = true };
    private readonly Option<double> _beta = new("--beta") { Description = "Length exponent of Eq. 3; above 1 favours longer responses.", DefaultValueFactory = _ => LengthPenalizedScore.DefaultBeta };
    private readonly Option<string> _prompt = new("--prompt") { Description = "How a service is asked: paper (Table 9, byte for byte), hardened (delimits responses that try to steer the judge) or json (a JSON schema).", DefaultValueFactory = _ => "paper" };
    private readonly Option<float?> _temperature = new("--judge-temperature") { Description = "The judge's temperature; leave it out for 0, give a negative number to send none.", DefaultValueFactory = _ => 0 };
    private readonly Option<int> _reasks = new("--reasks") { Description = "How often an unreadable reply is asked again.", DefaultValueFactory = _ => 2 };
    private readonly Option<int> _orders = new("--orders") { Description = "For openai: judge each row with its candidates in up to this many different orders and combine the rankings; 1 is the paper's single call. It ends early when two orders agree.", DefaultValueFactory = _ => 1 };
    private readonly Option<double> _minConsistency = new("--min-consistency") { Description = "With --orders: rows whose rankings agree less (Kendall's W, 0 to 1) are left out and named." };
    private readonly Option<double> _minPairSupport = new("--min-pair-support") { Description = "With --orders: neighbours in the ranking that a smaller share of the judgments orders so (0 to 1) become ties, which training skips." };
    private readonly Option<string> _aggregate = new("--aggregate") { Description = "With --orders: how rankings are combined: " + string.Join(", ", Aggregators.Keys) + ".", DefaultValueFactory = _ => "borda" };
    private readonly Option<string> _tokenizer = new("--tokenizer") { Description = "For local judges: " + TokenizerChoice.Help, DefaultValueFactory = _ => TokenizerChoice.Auto };
    private readonly Option<int> _threads = new("--threads") { Description = "For local judges: threads of the engine.", DefaultValueFactory = _ => Environment.ProcessorCount };
    private readonly ServiceOptions _service = new();

    private static Dictionary<string, Func<IRankAggregator>> Aggregators { get; } = new(StringComparer.Ordinal)
    {
        ["borda"] = () => new BordaAggregator(),
        ["copeland"] = () => new CopelandAggregator(),
        ["kemeny"] = () => new KemenyAggregator(),
        ["plackett-luce"] = () => new PlackettLuceAggregator(),
    };

    public JudgeOptions()
    {
        _prompt.AcceptOnlyFromAmong("paper", "hardened", "json");
        _aggregate.AcceptOnlyFromAmong([.. Aggregators.Keys]);
    }

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_judge, _beta, _prompt, _temperature, _reasks, _orders, _minConsistency, _minPairSupport, _aggregate, _tokenizer, _threads])
            command.Options.Add(option);
        _service.AddTo(command);
    }

    public string Name(ParseResult parse) => parse.GetValue(_judge)!;

    /// <summary>What the rankings depend on.</summary>
    public Fingerprint AddTo(Fingerprint fingerprint, ParseResult parse)
    {
        (string kind, string what) = Split(parse);
        fingerprint.With("judge", kind);
        return kind switch
        {
            "openai" => fingerprint.With("judge model", what).With("prompt", parse.GetValue(_prompt)).With("judge temperature", parse.GetValue(_temperature))
                .With("orders", parse.GetValue(_orders)).With("min consistency", parse.GetValue(_minConsistency)).With("min pair support", parse.GetValue(_minPairSupport)).With("aggregate", parse.GetValue(_aggregate)),
            "prm" => fingerprint.WithContent("judge model", RequiredFolder(what)).With("tokenizer", parse.GetValue(_tokenizer)),
            "policy" => fingerprint.WithContent("judge model", RequiredFolder(what)).With("beta", parse.GetValue(_beta)).With("tokenizer", parse.GetValue(_tokenizer)),
            _ => fingerprint.With("beta", parse.GetValue(_beta)),
        };
    }

    /// <summary>Opens the judge.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="journalPath">Where calls to a service are written down.</param>
    /// <param name="ui">Told what is wrong with the journal.</param>
    public OpenJudge Open(ParseResult parse, string journalPath, StageUi ui)
    {
        (string kind, string what) = Split(parse);
        return kind switch
        {
            "openai" => OpenService(parse, what, journalPath, ui),
            "prm" => OpenProxy(parse, what),
            "policy" => OpenPolicy(parse, what),
            _ => new(new ProbabilisticRanker(parse.GetValue(_beta)), 1, null, []),
        };
    }

    private OpenJudge OpenService(ParseResult parse, string model, string journalPath, StageUi ui)
    {
        ServiceConnection service = _service.Open(parse, model, journalPath, Protocol.Chat, ui);
        IResponseRanker ranker = new ContextualRanker(service.Client, new ContextualRankerOptions
        {
            Model = model,
            Temperature = parse.GetValue(_temperature) is >= 0 and var t ? t : null,
            MaxReasks = parse.GetValue(_reasks),
            Prompt = parse.GetValue(_prompt) switch { "hardened" => HardenedPrompt.Instance, "json" => JsonPrompt.Instance, _ => PaperPrompt.Instance },
        });
        if (parse.GetValue(_orders) is > 1 and var orders)
            ranker = new ConsistencyFilter(
                new PermutationRanker(ranker, new PermutationOptions { MaxOrders = orders, Aggregator = Aggregators[parse.GetValue(_aggregate)!]() }),
                parse.GetValue(_minConsistency),
                parse.GetValue(_minPairSupport));
        return new(ranker, _service.Parallel(parse), service, [service]);
    }

    private OpenJudge OpenProxy(ParseResult parse, string folder)
    {
        ITokenizer tokenizer = TokenizerChoice.Create(parse.GetValue(_tokenizer)!, folder);
        ManagedRewardModel model = ManagedRewardModel.Load(folder, options: new() { Threads = parse.GetValue(_threads) });
        PolicyOptions.RequireMatch(tokenizer, model.Info.VocabularySize, folder);
        var ranker = new ProxyRanker(model, tokenizer);
        return new(ranker, 1, null, [model, ranker]);
    }

    private OpenJudge OpenPolicy(ParseResult parse, string folder)
    {
        ITokenizer tokenizer = TokenizerChoice.Create(parse.GetValue(_tokenizer)!, folder);
        ManagedLlama model = ManagedLlama.Load(folder, new() { Threads = parse.GetValue(_threads) });
        PolicyOptions.RequireMatch(tokenizer, model.Info.VocabularySize, folder);
        var ranker = new PolicyRanker(model, tokenizer, beta: parse.GetValue(_beta));
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
        PolicyOptions.RequireFolder(folder);
        return folder;
    }
}
