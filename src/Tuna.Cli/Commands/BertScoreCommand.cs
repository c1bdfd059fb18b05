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
    private readonly ShardOption _shard = new();
    private readonly Setting<bool> _idf = new("--idf") { Description = "Weigh tokens by their rarity in the references." };

    public BertScoreCommand(App app)
        : base(app, "bertscore", "BERTScore of answers against references, with a model's own hidden states (Appendix J).")
    {
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_data, _layer, _idf, _shard])
            Options.Add(option);
        Examples = ["tuna evaluate bertscore --model alpaca --data answers.jsonl --idf --out answers.bertscore.json"];
    }

    protected override string SharedSuffix => ".scores.jsonl";

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
        Fingerprint settings = Fingerprint.Of(parse);
        string digest = settings.Digest(), path = _shard.PathOf(parse, output + ".scores.jsonl");
        List<(string Key, string Candidate, string Reference)> keyed =
            [.. pairs.Select(p => (PairScores.Key(digest, p.Candidate, p.Reference), p.Candidate, p.Reference))];
        ShardRows<(string Key, string Candidate, string Reference)> share = _shard.Take(parse, keyed, p => p.Key);
        BertScoreResult[] scores = ui.Measure("comparing", "answers", share.Rows.Count, 0,
            meter => PairScores.Of(path, share.Rows, score.Score, () => meter.Add(1), cancellationToken));
        if (_shard.Of(parse) is not null)
        {
            share.Complete(path, settings, share.Rows.Select(p => p.Key));
            return Task.FromResult<EvaluationResult?>(null);
        }

        if (scores.Length == 0)
            throw new StageException($"{data} has no answers.");
        File.Delete(path);
        return Task.FromResult<EvaluationResult?>(
            new EvaluationResult("bertscore", ModelName(parse, data),
            [
                ("f1", scores.Average(s => s.F1)),
                ("precision", scores.Average(s => s.Precision)),
                ("recall", scores.Average(s => s.Recall)),
                ("rows", pairs.Count),
            ], [], []));
    }
}
