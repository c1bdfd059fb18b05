using System.CommandLine;
using Tuna.Evaluation.Predictions;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Evaluation;

/// <summary>The options by which a benchmark gets its predictions: from a model, or from a file.</summary>
internal sealed class BenchmarkAnswers
{
    private readonly PolicyOptions _policy =
        new(required: false,
        about: "The model that answers: a folder in the Hugging Face layout. Its predictions are kept in OUT.predictions.jsonl, from "
        + "which an interrupted run resumes.");
    private readonly Setting<string?> _predictions =
        new("--predictions") { Description = "Instead of --model: a file of predictions (id, prediction), JSONL." };
    private readonly Setting<string> _benchmark;
    private readonly ShardOption _shard = new();
    private readonly Setting<bool> _alpaca = new("--alpaca") { Description = "Wrap each prompt as an instruction in Alpaca's form." };
    private readonly Setting<int> _batch = new("--batch")
    {
        Range = Rule.AtLeast(1),
        Description = "Prompts answered together; what an interruption can lose.",
        DefaultValueFactory = _ => 16,
    };

    public BenchmarkAnswers(string benchmark) => _benchmark = new("--benchmark", "-b") { Description = benchmark, Required = true };

    public void AddTo(Command command)
    {
        _policy.AddTo(command);
        foreach (Option option in (Option[])[_predictions, _benchmark, _alpaca, _batch, _shard])
            command.Options.Add(option);
        command.Validators.Add(result =>
        {
            if ((result.GetValue(_predictions) is null) == (_policy.Folder(result) is null))
                result.AddError("Give either --model FOLDER or --predictions FILE.");
            if (result.GetValue(_predictions) is not null && result.GetValue(_shard) is not null)
                result.AddError("--shard shares out the predictions that a --model makes; those of --predictions are there already.");
        });
    }

    public string Benchmark(ParseResult parse)
    {
        string folder = parse.GetValue(_benchmark)!;
        return Directory.Exists(folder) ? folder : throw new StageException($"There is no folder {folder}.");
    }

    public bool Alpaca(ParseResult parse) => parse.GetValue(_alpaca);

    /// <summary>What names the model.</summary>
    public string Source(ParseResult parse) => parse.GetValue(_predictions) ?? _policy.Folder(parse)!;

    /// <summary>The predictions: read, or made; null where only a share of them was made, into
    /// <c>OUT.predictions.shard-i-of-n.jsonl</c>.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="output">The result file; predictions are kept beside it.</param>
    /// <param name="prompts">The prompts, given the model's tokenizer.</param>
    /// <param name="ui">Shows progress.</param>
    /// <param name="cancellationToken">Stops between tokens.</param>
    public PredictionSet? Get(ParseResult parse, string output, Func<ITokenizer, IReadOnlyList<EvaluationPrompt>> prompts, StageUi ui,
        CancellationToken cancellationToken)
    {
        if (parse.GetValue(_predictions) is { } file)
            return PredictionSet.Load(InputFile.Require(file));
        using LoadedPolicy loaded = _policy.Load(parse);
        IReadOnlyList<EvaluationPrompt> asked = prompts(loaded.Tokenizer);
        var runner = new PredictionRunner(loaded.Policy, loaded.Tokenizer, new()
        {
            BatchSize = parse.GetValue(_batch),
            ModelName = ContentHash.Of(loaded.Folder),
        });
        string path = _shard.PathOf(parse, output + ".predictions.jsonl");
        ShardRows<EvaluationPrompt> share = _shard.Take(parse, asked, p => p.Id);
        PredictionSet made = ui.Measure("answering", "prompts", share.Rows.Count, 0,
            meter => runner.Run(share.Rows, path, new PredictionMeter(meter), cancellationToken));
        if (_shard.Of(parse) is null)
            return made;
        share.Complete(path, Fingerprint.Of(parse), made.All.Select(p => p.Id));
        return null;
    }
}
