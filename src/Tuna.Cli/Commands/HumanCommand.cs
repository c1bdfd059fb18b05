using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Evaluation.Measures;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Rankings by people.</summary>
internal sealed class HumanCommand : EvaluationCommand
{
    private readonly Setting<string> _data = new("--data", "-d")
    {
        Description =
            "Rankings by people, JSONL: id (one per ranking), item, optional annotator, and ranks, an object from system to rank (1 is "
            + "best).",
        Required = true,
    };

    public HumanCommand(App app)
        : base(app, "human", "Scores rankings by people: rank i of n gives n + 1 - i points, with paired bootstrap significance.")
    {
        Options.Add(_data);
        Examples = ["tuna evaluate human --data annotations.jsonl --out human.json"];
    }

    protected override Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken)
    {
        string data = parse.GetValue(_data)!;
        InputFile.Require(data);
        var issues = new List<string>();
        HumanEvaluation evaluation = HumanEvaluation.Of([.. HumanRanking.Load(data, issues)]);
        var systems = new JsonObject(
            evaluation.Systems.Select(s =>
            KeyValuePair.Create(s.System, (JsonNode?)new JsonObject
            {
                ["points"] = s.Points,
                ["mean_rank"] = s.MeanRank,
                ["first_share"] = s.FirstShare,
            })));
        var comparisons = new JsonArray([.. evaluation.Comparisons.Select(c => (JsonNode?)new JsonObject
        {
            ["better"] = c.Better,
            ["worse"] = c.Worse,
            ["difference"] = c.Comparison.Difference,
            ["low"] = c.Comparison.Interval.Low,
            ["high"] = c.Comparison.Interval.High,
            ["p_value"] = c.Comparison.PValue,
        })]);
        return Task.FromResult<EvaluationResult?>(
            new EvaluationResult("human", ModelName(parse, data), [.. evaluation.Systems.Select(s => (s.System, s.Points))],
            new() { ["systems"] = systems, ["comparisons"] = comparisons }, [.. issues, .. evaluation.Issues]));
    }
}
