using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Evaluation.NaturalInstructions;
using Tuna.Evaluation.Predictions;
using Tuna.Data.Prompts;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Super-NaturalInstructions.</summary>
internal sealed class SuperNaturalCommand : EvaluationCommand
{
    private readonly BenchmarkAnswers _answers =
        new("The benchmark's folder, with splits/default/test_tasks.txt and tasks/*.json (github.com/allenai/natural-instructions).");
    private readonly Setting<int> _shots = new("--shots")
    {
        Range = Rule.AtLeast(0),
        Description = "Positive examples in the prompt: 0 or 2 in the paper.",
        DefaultValueFactory = _ => 0,
    };
    private readonly Setting<int> _instances = new("--instances")
    {
        Range = Rule.AtLeast(1),
        Description = "Instances of each task, from its first.",
        DefaultValueFactory = _ => 100,
    };

    public SuperNaturalCommand(App app)
        : base(app, "superni",
            "Super-NaturalInstructions: ROUGE-L and exact match on the 119 test tasks, prompts and scores exact to the official code.")
    {
        _answers.AddTo(this);
        Options.Add(_shots);
        Options.Add(_instances);
        Examples =
        [
            "tuna evaluate superni --model tuna --benchmark natural-instructions --shots 2 --out tuna.superni2.json",
            "tuna evaluate superni --predictions answers.jsonl --benchmark natural-instructions --out answers.superni.json",
        ];
    }

    protected override Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken)
    {
        SuperNaturalInstructions benchmark =
            SuperNaturalInstructions.Load(_answers.Benchmark(parse), maxInstancesPerTask: parse.GetValue(_instances));
        var settings = new NaturalPromptSettings { PositiveExamples = parse.GetValue(_shots) };
        PredictionSet? predictions = _answers.Get(parse, output,
            tokenizer => [.. benchmark.Prompts(settings, new ModelSourceTokens(tokenizer), _answers.Alpaca(parse)
                ? AlpacaPromptTemplate.Instance : null)], ui, cancellationToken);
        if (predictions is null)
            return Task.FromResult<EvaluationResult?>(null);
        NaturalReport report = benchmark.Score(predictions, ModelName(parse, _answers.Source(parse)), cancellationToken);
        return Task.FromResult<EvaluationResult?>(new EvaluationResult($"superni-{parse.GetValue(_shots)}shot", report.Model,
        [
            ("rouge_l", report.Overall.RougeL),
            ("exact_match", report.Overall.ExactMatch),
            ("instances", report.Overall.Instances),
        ], new() { ["categories"] = Table(report.Categories), ["tasks"] = Table(report.Tasks) }, report.Issues));
    }

    private static JsonObject Table(IReadOnlyList<NaturalMean> means) =>
        new(means.Select(m => KeyValuePair.Create(m.Name,
            (JsonNode?)new JsonObject { ["rouge_l"] = m.RougeL, ["exact_match"] = m.ExactMatch, ["instances"] = m.Instances })));
}
