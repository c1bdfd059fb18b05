using System.Globalization;
using Microsoft.Extensions.AI;
using Quickstart.Exercises;
using Tuna.Chat;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;

namespace Quickstart;

/// <summary>The judge of a run: the scripted offline one, or a paid service that was asked for by name, with a budget.</summary>
/// <param name="Model">The service's model; null for the offline judge.</param>
/// <param name="Budget">Most money for all calls of the run.</param>
/// <param name="Prices">What the model's tokens cost.</param>
internal sealed record JudgeChoice(string? Model, decimal Budget, TokenPrices Prices)
{
    // A judge's prompt of four short responses, and a reply with a reference answer and scores: for the estimate only.
    private const int InputTokens = 900, OutputTokens = 500;
    private const string Service = "openai:";

    public static JudgeChoice Offline { get; } = new(null, 0, TokenPrices.None);

    public string Name => Model is null ? "the scripted offline judge" : $"{Model} through the OpenAI API";

    /// <summary>Reads the options: a paid judge needs its prices and a budget, and a variable alone chooses nothing.</summary>
    /// <exception cref="ArgumentException">An option is missing or cannot be used; the message says which.</exception>
    public static JudgeChoice Parse(string judge, decimal? budget, decimal? inputPrice, decimal? outputPrice)
    {
        if (judge == "offline")
        {
            return budget is null && inputPrice is null && outputPrice is null
                ? Offline
                : throw new ArgumentException(
                    "--budget and --price-... have no effect on the offline judge: add --judge openai:MODEL, or leave them out.");
        }

        if (!judge.StartsWith(Service, StringComparison.Ordinal) || judge.Length == Service.Length)
            throw new ArgumentException(
                $"--judge {judge}: there is no such judge. Use offline, or openai:MODEL, for example openai:gpt-4o.");
        if (budget is not > 0 || inputPrice is not >= 0 || outputPrice is not >= 0)
            throw new ArgumentException(
                $"--judge {judge} costs money: give --budget (the most to spend) and the model's --price-input and --price-output per "
                + $"million tokens.");
        if (ApiKey is null)
            throw new ArgumentException(
                $"--judge {judge} needs a key in OPENAI_API_KEY (and OPENAI_BASE_URL for another service than OpenAI's).");
        return new JudgeChoice(judge[Service.Length..], budget.Value, new TokenPrices(inputPrice.Value, outputPrice.Value));
    }

    /// <summary>What so many calls will cost, roughly; null when they cost nothing.</summary>
    public string? Estimate(long calls) => Model is null ? null : string.Create(
        CultureInfo.InvariantCulture,
        $"{calls} calls of {Model}, about {Prices.CostOf(calls * InputTokens, calls * OutputTokens):0.00} in all; at most {Budget} will "
            + $"be spent. Calls in the journal cost nothing again.");

    /// <summary>The client of one seed.</summary>
    /// <param name="key">Answers for the offline judge.</param>
    /// <param name="journal">Where calls to a service are kept, so that none is paid twice.</param>
    /// <param name="spending">The run's budget.</param>
    public IChatClient Create(IReadOnlyList<Exercise> key, CallJournal journal, CallBudget spending)
    {
        if (Model is null)
            return new OfflineJudge(key);
        Uri? endpoint = Variable("OPENAI_BASE_URL") is { } url ? new Uri(url) : null;
        var client = new ChatCompletionsClient(new HttpChatOptions
        {
            BaseAddress = endpoint ?? HttpChatOptions.OpenAI,
            Model = Model,
            ApiKey = ApiKey!,
        });
        return client.AsBuilder().UseCallPipeline(new CallPipelineOptions { Journal = journal, Budget = spending }).Build();
    }

    private static string? ApiKey => Variable("OPENAI_API_KEY");

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
