using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Chat.Journaling;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;
using Tuna.Evaluation.Measures;

namespace Tuna.Cli.Commands;

/// <summary>What calls cost (Appendix B).</summary>
internal sealed class CostCommand : EvaluationCommand
{
    private readonly Setting<string[]> _calls = new("--calls", "-c")
    {
        Description = "Journals of calls (OUT.calls.jsonl). May be repeated.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };
    private readonly Setting<string> _prices = new("--prices")
    {
        Description = "A price file: {\"currency\": \"USD\", \"MODEL\": {\"input_per_million\": 30, \"output_per_million\": 60}}.",
        Required = true,
    };

    public CostCommand(App app)
        : base(app, "cost", "The cost of recorded calls per model, and per 1,000 examples (Appendix B).")
    {
        Options.Add(_calls);
        Options.Add(_prices);
        Examples = ["tuna evaluate cost --calls ranked.jsonl.calls.jsonl --prices prices.json --out cost.json"];
    }

    protected override Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken)
    {
        PriceFile prices = PriceFile.Load(InputFile.Require(parse.GetValue(_prices)!));
        var calls = new List<JournaledCall>();
        foreach (string file in parse.GetValue(_calls)!)
        {
            using CallJournal journal = CallJournal.Open(InputFile.Require(file));
            calls.AddRange(journal.Calls());
        }

        CostTable table = CostTable.Of(calls, prices);
        var lines = new JsonArray([.. table.Lines.Select(l => (JsonNode?)new JsonObject
        {
            ["model"] = l.Model,
            ["prompt"] = l.Prompt,
            ["examples"] = l.Examples,
            ["calls"] = l.Calls,
            ["input_tokens"] = l.InputTokens,
            ["output_tokens"] = l.OutputTokens,
            ["cost"] = l.Cost,
            ["cost_per_thousand_examples"] = l.CostPerThousandExamples,
        })]);
        int examples = table.Lines.Sum(l => l.Examples);
        return Task.FromResult<EvaluationResult?>(
            new EvaluationResult("cost", string.Join(", ", table.Lines.Select(l => l.Model).Distinct()),
        [
            ("cost", (double)table.Total),
            ("cost_per_thousand_examples", examples == 0 ? double.NaN : (double)(table.Total / examples * 1000)),
            ("calls", table.Lines.Sum(l => l.Calls)),
            ("examples", examples),
        ], new() { ["lines"] = lines }, table.Issues));
    }
}
