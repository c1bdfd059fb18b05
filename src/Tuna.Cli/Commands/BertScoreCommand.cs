using System.CommandLine;
using Tuna.Data;
using Tuna.Evaluation.Similarity;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>BERTScore (Appendix J).</summary>
internal sealed class BertScoreCommand : EvaluationCommand
{
    private readonly PolicyOptions _policy = new(about: "The model whose hidden states compare texts.");
    private readonly Setting<string> _data = new("--data", "-d")
    {
        Description = "Answers with references: rows of `tuna generate` (output, reference), JSONL.",
        Required = true,
    };
    private readonly Setting<int?> _layer = new("--layer") { Description = "The hidden layer; the last one when left out." };
    private readonly Setting<bool> _idf = new("--idf") { Description = "Weigh tokens by their rarity in the references." };

    public BertScoreCommand(App app)
        : base(app, "bertscore", "BERTScore of answers against references, with a model's own hidden states (Appendix J).")
    {
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_data, _layer, _idf])
            Options.Add(option);
        Examples = ["tuna evaluate bertscore --model alpaca --data answers.jsonl --idf --out answers.bertscore.json"];
    }

    protected override Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken)
    {
        string data = parse.GetValue(_data)!;
        var pairs = new List<(string Candidate, string Reference)>();
        foreach (InstructionExample row in Rows.Instructions(data))
        {
            string reference = row.Extra.FirstOrDefault(f => f.Name == "reference").Json
                ?? throw new StageException(
                    $"{data}, id '{row.Id}', key 'reference': it is missing. `tuna generate` keeps the data's own responses there.");
            pairs.Add((row.Output, System.Text.Json.Nodes.JsonNode.Parse(reference)!.GetValue<string>()));
        }

        using LoadedPolicy loaded = _policy.Load(parse);
        var score = new BertScore(loaded.Policy, loaded.Tokenizer, new()
        {
            Layer = parse.GetValue(_layer),
            Idf = parse.GetValue(_idf) ? new TokenIdf(pairs.Select(p => p.Reference), loaded.Tokenizer) : null,
        });
        BertScoreResult mean = ui.Measure("comparing", "answers", pairs.Count, 0, meter => score.Mean(pairs.Select(pair =>
        {
            meter.Add(1);
            return pair;
        }), cancellationToken));
        return Task.FromResult<EvaluationResult?>(
            new EvaluationResult("bertscore", ModelName(parse, data),
            [("f1", mean.F1), ("precision", mean.Precision), ("recall", mean.Recall), ("rows", pairs.Count)], [], []));
    }
}
