using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Evaluation.LMentry;
using Tuna.Evaluation.Predictions;
using Tuna.Data.Prompts;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>LMentry.</summary>
internal sealed class LMentryCommand : EvaluationCommand
{
    private readonly BenchmarkAnswers _answers = new("The benchmark's data folder, with TASK.json files (github.com/aviaefrat/lmentry).");
    private readonly Setting<bool> _truncate = new("--truncate")
    {
        Description = "Judge only what precedes the first line break, then the first full stop: for models that never stop by themselves.",
    };

    public LMentryCommand(App app)
        : base(app, "lmentry", "LMentry: 25 tasks a child can do; accuracy, robustness and their product, exact to the official scorers.")
    {
        _answers.AddTo(this);
        Options.Add(_truncate);
        Examples = ["tuna evaluate lmentry --model tuna --benchmark lmentry/data --out tuna.lmentry.json"];
    }

    protected override Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken)
    {
        LMentryBenchmark benchmark = LMentryBenchmark.Load(_answers.Benchmark(parse));
        PredictionSet? predictions =
            _answers.Get(parse, output, _ => benchmark.Prompts(_answers.Alpaca(parse) ? AlpacaPromptTemplate.Instance : null), ui,
            cancellationToken);
        if (predictions is null)
            return Task.FromResult<EvaluationResult?>(null);
        LMentryReport report = benchmark.Score(predictions, ModelName(parse, _answers.Source(parse)), parse.GetValue(_truncate),
            cancellationToken);
        var tasks = new JsonObject(
            report.Tasks.Values.Select(t =>
            KeyValuePair.Create(t.Task, (JsonNode?)new JsonObject
            {
                ["accuracy"] = t.Overall.Accuracy,
                ["examples"] = t.Overall.Examples,
            })));
        return Task.FromResult<EvaluationResult?>(new EvaluationResult("lmentry", report.Model,
        [
            ("score", report.Score ?? double.NaN),
            ("accuracy", report.Accuracy ?? double.NaN),
            ("robustness", report.Robustness?.Overall ?? double.NaN),
            ("tasks", report.Tasks.Count),
        ], new() { ["tasks"] = tasks }, report.Issues));
    }
}
