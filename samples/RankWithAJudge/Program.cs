// Ranking with a judge: rows with several responses in, the same rows with scores out. Any chat service serves; its calls are journaled, so
// that nothing is paid for twice, and held to a budget of tokens. Nothing is called unless this program is told a model, an address and a
// budget.
using System.Globalization;
using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Http;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Data;
using Tuna.Rankers.Batch;
using Tuna.Rankers.Judging;

if (args is not [string data, string output, string model, string address, string budget])
{
    Console.Error.WriteLine(
        "Usage: RankWithAJudge ROWS.jsonl RANKED.jsonl MODEL ADDRESS MAX_TOKENS   (ADDRESS as http://localhost:8000/v1; the key, where "
        + "one is needed, in JUDGE_KEY)");
    return 2;
}

using CallJournal journal = CallJournal.Open(output + ".calls.jsonl");
using IChatClient client = new ChatCompletionsClient(new HttpChatOptions
{
    BaseAddress = new Uri(address),
    Model = model,
    ApiKey = Environment.GetEnvironmentVariable("JUDGE_KEY"),
})
    .AsBuilder()
    .UseCallPipeline(new CallPipelineOptions
    {
        Journal = journal,
        Budget = new CallBudget(maxTokens: long.Parse(budget, CultureInfo.InvariantCulture)),
    })
    .Build();
var runner = new RankingRunner(new ContextualRanker(client, new ContextualRankerOptions { Model = model }));

RankedExample[] rows = [.. RankedData.Read(data)];
var ranked = new List<RankedExample>();
await foreach (RankingOutcome outcome in runner.RunAsync(rows.ToAsyncEnumerable().Select(row => row.ToRankingRequest())))
{
    if (outcome.Result is { } ranking)
        ranked.Add(rows[(int)outcome.Index].WithRanking(ranking));
    else
        Console.Error.WriteLine(outcome.Failure!.Message);
}

RankedData.Write(output, ranked);
Console.WriteLine($"{output}: {ranked.Count} of {rows.Length} rows ranked");
return ranked.Count == rows.Length ? 0 : 1;
