using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

/// <summary>Traces and metrics over OTLP, against a collector on this machine. Protobuf holds texts as they are.</summary>
public class TelemetryTests
{
    private static readonly string[] Train =
        ["train", "--model", "model", "--data", "ranked.jsonl", "--out", "tuned", "--batch", "2", "--held-out", "0.3", "--eval-every", "1"];

    [Fact]
    public async Task Train_Otlp_SendsStepsEvaluationsAndCounters()
    {
        using var collector = new LoopbackCollector();
        using Workspace work = await new Workspace().WithRanked(8).WithModelAsync();

        TunaRun run = (await TunaProcess.RunAsync(work.Root, [.. Train, "--otlp", collector.Address, "--json"])).Expect(0);

        int steps = run.Json.GetProperty("steps").GetInt32();
        string traces = collector.Sent("/v1/traces"), metrics = collector.Sent("/v1/metrics");
        Assert.True(steps > 1);
        Assert.Equal(steps, Count(traces, "train step"));
        Assert.Equal(steps, Count(traces, "tuna.train.loss"));
        Assert.Equal(steps, Count(traces, "tuna.evaluation.nll"));
        Assert.Equal(1, Count(traces, "tuna train"));
        foreach (string instrument in (string[])["tuna.training.steps", "tuna.training.loss", "tuna.training.gradient_norm",
            "tuna.training.tokens", "tuna.evaluation.value"])
            Assert.Contains(instrument, metrics, StringComparison.Ordinal);
        Assert.All(collector.Requests, r => Assert.Equal("application/x-protobuf", r.Type));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Rank_Environment_TracesCallsByTheConventionsAndTextsOnlyWhenAsked(bool texts)
    {
        using var collector = new LoopbackCollector();
        using var judge = new LoopbackJudge((i, _) => i == 0 ? new("Bad key test-key-of-the-loopback-judge", Status: 500)
            : new(LoopbackJudge.Ranking([0, 1, 2, 3])));
        using Workspace work = new Workspace().WithRanked(3, scores: false);
        var environment = new Dictionary<string, string>(judge.Environment)
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address,
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "x-collector-key=secret-of-the-collector",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "wandb.entity=a-team,wandb.project=a-project",
            ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "true", // not what asks us
        };

        (await TunaProcess.RunAsync(work.Root, environment, ["rank", "--data", "ranked.jsonl", "--judge", "openai:loopback", "--out",
            "out.jsonl", "--retry-delay", "0.01", .. texts ? ["--otlp-texts"] : Array.Empty<string>()])).Expect(0);

        string traces = collector.Sent("/v1/traces"), metrics = collector.Sent("/v1/metrics"), all = traces + metrics;
        Assert.Equal(judge.Calls, Count(traces, "gen_ai.operation.name"));
        foreach (string attribute in (string[])["chat loopback", "gen_ai.request.model", "gen_ai.usage.input_tokens", "error.type",
            "wandb.entity", "a-project"])
            Assert.Contains(attribute, traces, StringComparison.Ordinal);
        foreach (string instrument in (string[])["gen_ai.client.operation.duration", "gen_ai.client.token.usage", "tuna.chat.calls"])
            Assert.Contains(instrument, metrics, StringComparison.Ordinal);
        Assert.All(collector.Requests, r => Assert.Equal("secret-of-the-collector", r.Key));
        Assert.DoesNotContain("test-key-of-the-loopback-judge", all, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-of-the-collector", all, StringComparison.Ordinal);
        Assert.Equal(texts, traces.Contains("Say the number", StringComparison.Ordinal));
        Assert.Equal(texts, traces.Contains("rank: [0, 1, 2, 3]", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Run_AddressOfTracesAlone_SendsTracesThereAndNoMetrics()
    {
        using var collector = new LoopbackCollector();
        using Workspace work = new Workspace().WithRanked(1);
        (await TunaProcess.RunAsync(work.Root, new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = collector.Address + "/otel/v1/traces",
        }, "stats", "--data", "ranked.jsonl")).Expect(0);

        Assert.All(collector.Requests, r => Assert.Equal("/otel/v1/traces", r.Path));
        Assert.Equal(1, Count(collector.Sent("/otel/v1/traces"), "tuna stats"));
    }

    [Fact]
    public async Task Run_CollectorThatIsNotThere_WarnsAndDoesItsWork()
    {
        using Workspace work = new Workspace().WithRanked(1);
        string nobody;
        using (var collector = new LoopbackCollector())
            nobody = collector.Address;

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "stats", "--data", "ranked.jsonl", "--otlp", nobody)).Expect(0);

        Assert.Contains("could not all be sent", run.Error, StringComparison.Ordinal);
        Assert.Contains("no address", (await TunaApp.RunAsync("stats", "--data", "d", "--otlp", "localhost")).Expect(2).Error,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Run_NobodyAsked_LoadsNothingOfIt(bool asked)
    {
        using var collector = new LoopbackCollector();
        using Workspace work = new Workspace().WithRanked(1);
        var environment = new Dictionary<string, string>
        {
            ["DOTNET_STARTUP_HOOKS"] = typeof(TelemetryTests).Assembly.Location,
            [StartupHook.FileVariable] = work["loaded.txt"],
        };
        if (asked)
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address;

        (await TunaProcess.RunAsync(work.Root, environment, "stats", "--data", "ranked.jsonl")).Expect(0);

        Assert.Contains("System.CommandLine", work.Lines("loaded.txt"));
        Assert.Equal(asked, work.Lines("loaded.txt").Any(name => name.StartsWith("OpenTelemetry", StringComparison.Ordinal)));
        Assert.Equal(asked, !collector.Requests.IsEmpty);
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
