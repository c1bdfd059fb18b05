using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Data;
using Tuna.Chat;
using Tuna.Rankers.Batch;
using Tuna.Ranking;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Services;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Ranks the candidates of each row.</summary>
internal sealed class RankCommand : StageCommand
{
    public const string Summary =
        "Orders the candidate responses of each row, best first: by a strong model's judgment, by likelihood, or by a reward model.";

    private readonly Setting<string> _data = new("--data", "-d")
    {
        Effect = Effect.Course,
        Description = "Rows with candidates (output[]) in any form that `tuna convert` reads; from `tuna sample` or `tuna convert`.",
        Required = true,
    };
    private readonly Setting<string> _out = new("--out", "-o")
    {
        Effect = Effect.Course,
        Description =
            "The same rows with score[], JSONL. Calls to a service are kept in OUT.calls.jsonl, which is never asked twice for the same.",
        Required = true,
    };
    private readonly Setting<int> _limit =
        new("--limit") { Range = Rule.AtLeast(0), Effect = Effect.Course, Description = "Only the first rows; 0 for all." };
    private readonly ShardOption _shard = new();
    private readonly JudgeOptions _judge = new();

    public RankCommand(App app)
        : base(app, "rank", Summary)
    {
        Options.Add(_data);
        Options.Add(_out);
        Options.Add(_limit);
        Options.Add(_shard);
        _judge.AddTo(this);
        Examples =
        [
            "tuna rank --data samples.jsonl --judge openai:gpt-4o --out ranked.jsonl --price-input 2.5 --price-output 10 --budget 50",
            "tuna rank --data samples.jsonl --judge openai:llama3 --base-url http://localhost:11434/v1 --out ranked.jsonl --parallel 2",
            "tuna rank --data samples.jsonl --judge openai:gpt-4o --out ranked.jsonl --orders 4 --min-consistency 0.5 --prompt hardened",
            "tuna rank --data teacher.jsonl --judge probabilistic --beta 1.3 --out ranked.jsonl",
            "tuna rank --data samples.jsonl --judge policy:teacher --out ranked.jsonl",
            "tuna rank --data samples.jsonl --judge prm:prm --out ranked.jsonl",
        ];
    }

    public override async Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string output = _shard.PathOf(parse, parse.GetValue(_out)!);
        ShardRows<RankedExample> share =
            _shard.Take(parse, Rows.Ranked(parse.GetValue(_data)!, parse.GetValue(_limit)), Rows.KeyWithCandidates);
        Fingerprint settings = Fingerprint.Of(parse);
        var stage = new RowStage<RankedExample, RankedExample>(output, RankedFormat.Instance, Rows.KeyWithCandidates,
            Rows.KeyWithCandidates);
        var failures = new List<RankingException>();
        CallUsage spent = CallUsage.None;
        RowStageResult<RankedExample> result = await stage.RunAsync(share.Rows, settings, ui, "ranking", async (missing, sink) =>
        {
            using OpenJudge judge = await _judge.OpenAsync(parse, output + ".calls.jsonl", missing, ui,
                _shard.Of(parse) is null ? null : parse.GetValue(_out), cancellationToken);
            try
            {
                var runner = new RankingRunner(judge.Ranker, new RankingRunnerOptions { MaxParallelRows = judge.Parallel, InOrder = false },
                    ui.Time);
                await foreach (RankingOutcome outcome in runner.RunAsync(Requests(missing), cancellationToken: cancellationToken))
                {
                    if (outcome.Result is { } ranking)
                        sink.Add(WithRanking(missing[(int)outcome.Index], ranking), Status(judge, sink, missing.Count, failures.Count));
                    else
                        failures.Add(outcome.Failure!);
                }
            }
            finally
            {
                spent = judge.Service?.Spent ?? CallUsage.None;
            }

            ServiceFailures.StopIfNeeded(failures, sink.Count, output);
            if (sink.Count == 0 && missing.Count == share.Rows.Count && failures.Count == missing.Count)
                throw new StageException(
                    $"No row could be ranked:{Environment.NewLine}{Reasons(failures)}{Environment.NewLine}{Advice(failures)}");
        });
        share.Complete(output, settings, result.Rows.Select(Rows.KeyWithCandidates));
        FailureFile.Write(output, [.. failures.Select(f => (f.RowId, f.Message))]);
        string cost = spent.Calls == 0
            ? "" : string.Create(CultureInfo.InvariantCulture,
            $"; {spent.Calls} calls, {spent.InputTokens} + {spent.OutputTokens} "
            + $"tokens{(spent.Cost > 0 ? $", cost {spent.Cost:0.####}" : "")}");
        string failed = failures.Count == 0 ? "" : string.Join(Environment.NewLine,
            $"{failures.Count} rows could not be ranked, all named in {FailureFile.PathFor(output)}:", Reasons(failures), Advice(failures),
            "");
        return new($"{failed}{output}: {result.Rows.Count} rows ranked{cost}", new()
        {
            ["out"] = output,
            ["rows"] = result.Rows.Count,
            ["rows_before"] = result.Before,
            ["failed"] = failures.Count,
            ["failures"] = new JsonObject(failures.GroupBy(f => f.Reason)
                .Select(g => KeyValuePair.Create(g.Key.ToString(), (JsonNode?)g.Count()))),
            ["calls"] = spent.Calls,
            ["input_tokens"] = spent.InputTokens,
            ["output_tokens"] = spent.OutputTokens,
            ["cost"] = spent.Cost,
        }, failures.Count > 0 ? ExitCodes.Partial : ExitCodes.Ok);
    }

    private static string Reasons(IEnumerable<RankingException> failures) => IssueSummary.Text(failures.Select(f => f.Message));

    // Only what may go otherwise the next time is worth trying again.
    private static string Advice(IEnumerable<RankingException> failures) =>
        failures.GroupBy(f => f.Reason).MaxBy(g => g.Count())!.Key switch
    {
        RankingFailure.ServiceError => "Run the same command again to retry them.",
        RankingFailure.InvalidRequest =>
            "Trying again does not help: the rows lack what this judge needs. `tuna sample` writes log-probabilities with its rows; "
            + "--judge policy:FOLDER computes them, and a service needs none.",
        RankingFailure.UnreadableReply =>
            "The judge does not keep to the form of the reply. Try --prompt json, a stronger model, or more --reasks; the replies are in "
            + "OUT.calls.jsonl.",
        RankingFailure.Refused => "The judge or its filter refuses these rows; another judge may take them.",
        RankingFailure.Inconsistent => "The judge contradicts itself on these rows: that is what --min-consistency leaves out.",
        _ => "",
    };

    private static string Status(OpenJudge judge, RowSink<RankedExample> sink, int asked, int failed)
    {
        string status = failed > 0 ? $"{failed} failed" : "";
        if (judge.Service is not { } service)
            return status;
        int made = sink.Count + 1;
        if (service.Spent.Cost > 0 && made < asked)
            status = string.Create(CultureInfo.InvariantCulture,
                $"{status}{(failed > 0 ? ", " : "")}~{service.Spent.Cost / made * asked:0.##} in all");
        return status.Length > 0 ? $"{service.CostText}, {status}" : service.CostText;
    }

    private static async IAsyncEnumerable<RankingRequest> Requests(IReadOnlyList<RankedExample> rows)
    {
        foreach (RankedExample row in rows)
            yield return row.ToRankingRequest();
        await Task.CompletedTask;
    }

    private static RankedExample WithRanking(RankedExample row, RankingResult ranking)
    {
        RankedExample ranked = row.WithRanking(ranking);
        // What an earlier ranking said of itself goes; ratings that came with the data (UltraFeedback's) and others' fields stay.
        var extra = row.Extra.Where(f => !IsOfARanking(f, row.Outputs.Count)).ToList();
        if (ranking.Consistency is { } consistency && double.IsFinite(consistency))
            Add(extra, "consistency", JsonValue.Create(consistency));
        if (ranking.AspectScores is { } aspects)
            Add(extra, "aspects", new JsonArray(
                [.. aspects.Select(a => a is null ? null : (JsonNode)new JsonArray([.. a.Select(x => (JsonNode?)JsonValue.Create(x))]))]));
        return ranked with { Extra = extra };
    }

    // Whether a field is what Add writes: a number, and a list of numbers or null for each candidate.
    private static bool IsOfARanking(ExtraField field, int candidates)
    {
        if (field.Name is not ("consistency" or "aspects"))
            return false;
        using JsonDocument document = JsonDocument.Parse(field.Json);
        JsonElement value = document.RootElement;
        return field.Name == "consistency"
            ? value.ValueKind == JsonValueKind.Number
            : value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == candidates && value.EnumerateArray().All(a =>
                a.ValueKind == JsonValueKind.Null
                || (a.ValueKind == JsonValueKind.Array && a.EnumerateArray().All(x => x.ValueKind == JsonValueKind.Number)));
    }

    private static void Add(List<ExtraField> extra, string name, JsonNode value)
    {
        string free = name;
        while (extra.Exists(f => f.Name == free))
            free = "_extra_" + free;
        if (extra.FindIndex(f => f.Name == name) is >= 0 and var at)
            extra[at] = extra[at] with { Name = free };

        extra.Add(new(name, value.ToJsonString()));
    }
}
