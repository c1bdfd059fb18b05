using System.CommandLine;
using System.Globalization;
using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Chat.Resilience;
using Tuna.Cli.Hosting;
using Tuna.Cli.Telemetry;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Services;

/// <summary>The options by which a command uses a service that speaks the OpenAI protocol.</summary>
internal sealed class ServiceOptions
{
    public const string KeyVariable = "OPENAI_API_KEY";
    public const string AddressVariable = "OPENAI_BASE_URL";

    private readonly Setting<string?> _address = new("--base-url")
    {
        Effect = Effect.Course,
        Description =
            $"The service's address, such as http://localhost:8000/v1. Default: {AddressVariable}, or OpenAI's own. The key comes from "
            + $"{KeyVariable} and is never written anywhere.",
    };
    private readonly Setting<bool> _insecure = new("--allow-key-over-http")
    {
        Effect = Effect.Course,
        Description = "Send the key over plain http to another machine than this one, where everyone on the way can read it.",
    };
    private readonly Setting<int> _parallel = new("--parallel")
    {
        Range = Rule.AtLeast(1),
        Effect = Effect.Course,
        Description = "Most calls under way at once.",
        DefaultValueFactory = _ => 32,
    };
    private readonly Setting<int?> _requests = new("--requests-per-minute")
    {
        Range = Rule.OrNone(Rule.AtLeast(1)),
        Effect = Effect.Course,
        Description = "Most calls started in a minute.",
    };
    private readonly Setting<int?> _tokens = new("--tokens-per-minute")
    {
        Range = Rule.OrNone(Rule.AtLeast(1)),
        Effect = Effect.Course,
        Description = "Most tokens in a minute, prompts and replies together.",
    };
    private readonly Setting<int> _retries = new("--retries")
    {
        Range = Rule.AtLeast(0),
        Effect = Effect.Course,
        Description = "How often a failed call is repeated, with growing waits.",
        DefaultValueFactory = _ => 6,
    };
    private readonly Setting<double> _retryDelay = new("--retry-delay")
    {
        Range = Rule.AtLeast(0.0),
        Effect = Effect.Course,
        Description = "The first wait in seconds; it doubles each time.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Setting<decimal> _priceInput = new("--price-input")
    {
        Range = Rule.AtLeast(0m),
        Effect = Effect.Course,
        Description = "Price of a million prompt tokens; with it and --price-output the cost is shown.",
    };
    private readonly Setting<decimal> _priceOutput =
        new("--price-output") { Range = Rule.AtLeast(0m), Effect = Effect.Course, Description = "Price of a million reply tokens." };
    private readonly Setting<decimal?> _budget = new("--budget")
    {
        Range = Rule.OrNone(Rule.Above(0m)),
        Effect = Effect.Course,
        Description = "Most money, what this output's journal already cost included; needs prices. The run stops cleanly when it is spent.",
    };
    private readonly Setting<long?> _budgetTokens = new("--budget-tokens")
    {
        Range = Rule.OrNone(Rule.AtLeast(1L)),
        Effect = Effect.Course,
        Description =
            "Most tokens, what the journal already holds included. Without --budget and this, the budget is three times the estimate "
            + "shown before the first call.",
    };

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All =>
        [_address, _insecure, _parallel, _requests, _tokens, _retries, _retryDelay, _priceInput, _priceOutput, _budget, _budgetTokens];

    public void AddTo(Command command)
    {
        foreach (Option option in All)
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetValue(_budget) is not null && result.GetValue(_priceInput) == 0 && result.GetValue(_priceOutput) == 0)
                result.AddError("--budget counts money: give --price-input and --price-output too, or --budget-tokens instead.");
        });
    }

    public int Parallel(ParseResult parse) => parse.GetValue(_parallel);

    public TokenPrices Prices(ParseResult parse) => new(parse.GetValue(_priceInput), parse.GetValue(_priceOutput));

    /// <summary>Opens a service behind journal, retries, budget and limits.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="model">The model to ask.</param>
    /// <param name="journalPath">Where every call is written down.</param>
    /// <param name="protocol">Which part of the protocol.</param>
    /// <param name="estimate">What the calls will take; told before the first one, and the measure of the budget where none is
    /// given.</param>
    /// <param name="ui">Tells it, and has the clock.</param>
    public ServiceConnection Open(ParseResult parse, string model, string journalPath, Protocol protocol, CallEstimate estimate, StageUi ui)
    {
        string? address = parse.GetValue(_address) ?? Environment.GetEnvironmentVariable(AddressVariable);
        if (string.IsNullOrWhiteSpace(address))
            address = null;
        if (address is not null && !Uri.TryCreate(address, UriKind.Absolute, out _))
            throw new StageException($"'{address}' is no address; one looks like http://localhost:8000/v1.");
        string? key = Environment.GetEnvironmentVariable(KeyVariable);
        if (string.IsNullOrWhiteSpace(key) && address is null)
            throw new StageException(
                $"There is no API key: set the environment variable {KeyVariable}. For a server of your own, give its address with "
                + $"--base-url.", ExitCodes.Service);

        CallJournal journal = CallJournal.Open(journalPath);
        if (journal.Problems is { } problems)
            ui.Warn(problems);
        try
        {
            TokenPrices prices = Prices(parse);
            CallUsage spent = journal.Usage(prices);
            long? tokens = parse.GetValue(_budgetTokens);
            bool given = tokens is not null || parse.GetValue(_budget) is not null;
            tokens ??= given ? null : spent.InputTokens + spent.OutputTokens + estimate.UsualBudget;
            ui.Note(estimate.Text(model, prices)
                + (given ? "" : string.Create(CultureInfo.InvariantCulture,
                $" The budget is {estimate.UsualBudget:N0} tokens for this run; --budget-tokens, or --budget with prices, sets another.")));
            var budget = new CallBudget(tokens, parse.GetValue(_budget), prices, spent);
            var chat = new HttpChatOptions
            {
                BaseAddress = address is null ? HttpChatOptions.OpenAI : new Uri(address),
                Model = model,
                ApiKey = key,
                AllowKeyOverHttp = parse.GetValue(_insecure),
                LogProbs = protocol != Protocol.Chat,
            };
            IChatClient client = Client(chat, protocol).AsBuilder().UseCallPipeline(new CallPipelineOptions
            {
                Journal = journal,
                TraceTexts = TelemetryOptions.Texts(parse),
                Budget = budget,
                Throttle = new ThrottleOptions
                {
                    MaxConcurrentCalls = Parallel(parse),
                    RequestsPerMinute = parse.GetValue(_requests),
                    TokensPerMinute = parse.GetValue(_tokens),
                },
                Resilience = new ResilienceOptions
                {
                    MaxRetries = parse.GetValue(_retries),
                    BaseDelay = TimeSpan.FromSeconds(parse.GetValue(_retryDelay)),
                },
            }).Build();
            return new ServiceConnection(client, budget, journal, spent);
        }
        catch
        {
            journal.Dispose();
            throw;
        }
    }

    private static HttpChatClient Client(HttpChatOptions options, Protocol protocol)
    {
        // Plain completions exist outside OpenAI's own service only.
        if (protocol == Protocol.Completions && options.BaseAddress == HttpChatOptions.OpenAI)
            throw new StageException("--teacher completions:MODEL needs the server's address: --base-url http://localhost:8000/v1");
        try
        {
            return protocol == Protocol.Completions ? new CompletionsClient(options) : new ChatCompletionsClient(options);
        }
        catch (ArgumentException e)
        {
            string hint = e.Message.Contains(nameof(HttpChatOptions.AllowKeyOverHttp), StringComparison.Ordinal)
                ? " Here that is --allow-key-over-http." : "";
            throw new StageException($"The service cannot be used: {e.Message}{hint} (The key comes from {KeyVariable}.)",
                ExitCodes.Service, e);
        }
    }
}

/// <summary>Which part of the OpenAI protocol.</summary>
internal enum Protocol
{
    Chat,
    ChatWithLogProbs,
    Completions,
}

/// <summary>A service ready to be asked.</summary>
/// <param name="Client">The client, behind its pipeline.</param>
/// <param name="Budget">What may be spent and what was.</param>
/// <param name="Journal">Every call.</param>
/// <param name="SpentBefore">What earlier runs spent.</param>
internal sealed record ServiceConnection(IChatClient Client, CallBudget Budget, CallJournal Journal, CallUsage SpentBefore) : IDisposable
{
    /// <summary>What this run spent.</summary>
    public CallUsage Spent => Budget.Spent.Since(SpentBefore);

    public string CostText => Budget.Prices == TokenPrices.None
        ? string.Create(CultureInfo.InvariantCulture, $"{Spent.InputTokens + Spent.OutputTokens} tokens")
        : string.Create(CultureInfo.InvariantCulture, $"cost {Spent.Cost:0.####}");

    public void Dispose()
    {
        Client.Dispose();
        Journal.Dispose();
    }
}
