using System.CommandLine;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Tuna.Evaluation.Measures;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Training;
using Tuna.Cli.Evaluation;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Likelihood of held-out responses (Appendix A's choice of beta).</summary>
internal sealed class NllCommand : EvaluationCommand
{
    private const int RowsPerPass = 8;

    private readonly PolicyOptions _policy = new();
    private readonly Setting<string> _data = new("--data", "-d")
    {
        Description = "Held-out instructions with expert responses, in Alpaca's form or another that `tuna convert` reads.",
        Required = true,
    };
    private readonly Setting<int> _limit = new("--limit") { Range = Rule.AtLeast(0), Description = "Only the first rows; 0 for all." };
    private readonly Setting<int> _maxLength = new("--max-length")
    {
        Range = Rule.AtLeast(0),
        Description = "Longest prompt with response in tokens; longer rows are left out and counted. 0: the model's context.",
    };

    private readonly ShardOption _shard = new();

    public NllCommand(App app)
        : base(app, "nll",
            "How likely a model finds held-out expert responses: negative log-likelihood in nats (Appendix A chooses beta by it). Smaller "
            + "is better.")
    {
        _policy.AddTo(this);
        Options.Add(_data);
        Options.Add(_limit);
        Options.Add(_maxLength);
        Options.Add(_shard);
        Examples = ["tuna evaluate nll --model tuna --data held-out.jsonl --out tuna.nll.json"];
    }

    protected override string SharedSuffix => ".scores.jsonl";

    protected override Task<EvaluationResult?> EvaluateAsync(ParseResult parse, string output, StageUi ui,
        CancellationToken cancellationToken)
    {
        string model = _policy.Folder(parse)!;
        ModelFolder.Require(model);
        var rows = Rows.Instructions(parse.GetValue(_data)!, parse.GetValue(_limit));
        using LoadedPolicy loaded = _policy.Load(parse);
        int context = loaded.Policy.Info.ContextLength, maxLength = parse.GetValue(_maxLength);
        var report = new TokenizationReport();
        var tokenizer = new GroupTokenizer(loaded.Tokenizer, loaded.Template, options: new()
        {
            MaxLength = maxLength > 0 ? Math.Min(maxLength, context) : context,
        });
        List<TokenGroup> groups = [.. tokenizer.Tokenize(rows, report)];
        if (groups.Count == 0)
            throw new StageException($"No row fits. {report}");

        string journal = _shard.PathOf(parse, output + ".scores.jsonl"), fingerprint = ContentHash.Of(model);
        // Rows of the same tokens have one line in the journal.
        ShardRows<TokenGroup> share = _shard.Take(parse, groups, Tokens);
        ReferenceLogProbs scores = ui.Measure("scoring", "rows", share.Rows.Count, 0,
            meter => ReferenceLogProbs.GetOrScore(journal, fingerprint, share.Rows, () => loaded.Policy, RowsPerPass,
                new CountMeter(meter), cancellationToken));
        if (_shard.Of(parse) is not null)
        {
            share.Complete(journal, Fingerprint.Of(parse), share.Rows.Select(Tokens));
            return Task.FromResult<EvaluationResult?>(null);
        }

        HeldOutNll nll = HeldOutNll.Of(groups, scores);
        File.Delete(journal);
        return Task.FromResult<EvaluationResult?>(new EvaluationResult("nll", ModelName(parse, model),
        [
            ("nll_per_token", nll.PerToken),
            ("nll_per_response", nll.PerResponse),
            ("perplexity", nll.Perplexity),
            ("rows", nll.Responses),
            ("tokens", nll.Tokens),
        ], [], [.. report.Issues.Select(i => i.Message)]));
    }

    private static string Tokens(TokenGroup group)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (ReadOnlyMemory<int> ids in group.Responses.Prepend(group.Prompt))
        {
            hash.AppendData(BitConverter.GetBytes(ids.Length));
            hash.AppendData(MemoryMarshal.AsBytes(ids.Span));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }
}
