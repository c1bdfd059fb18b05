using Tuna.Data.Sampling;
using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Tuna.Data;
using Tuna.Chat;
using Tuna.Rankers.Teachers;
using Tuna.Ranking;
using Tuna.Sampling;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Services;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>Samples several responses per instruction, from a local model or a teacher behind a service.</summary>
internal sealed class SampleCommand : StageCommand
{
    public const string Summary =
        "Lets a model answer each instruction several times, each time differently (Section 2.3). The rows can then be ranked.";

    private readonly PolicyOptions _policy = new(required: false, about: "The model that responds: a folder in the Hugging Face layout.");
    private readonly Setting<string?> _teacher = new("--teacher")
    {
        Description =
            "Instead of --model, a service that gives log-probabilities: openai:MODEL (chat completions), or completions:MODEL (plain "
            + "completions of vLLM or llama.cpp; needs --base-url).",
    };
    private readonly Setting<string> _data = new("--data", "-d")
    {
        Effect = Effect.Course,
        Description = "Instructions in Alpaca's form or another that `tuna convert` reads; an `output` becomes the row's reference.",
        Required = true,
    };
    private readonly Setting<string> _out = new("--out", "-o")
    {
        Effect = Effect.Course,
        Description = "Rows with candidates, their log-probabilities and lengths, JSONL.",
        Required = true,
    };
    private readonly Setting<int> _limit =
        new("--limit") { Range = Rule.AtLeast(0), Effect = Effect.Course, Description = "Only the first rows; 0 for all." };
    private readonly Setting<int> _count =
        new("--count", "-n") { Range = Rule.AtLeast(1), Description = "Responses per instruction, N.", DefaultValueFactory = _ => 4 };
    private readonly Setting<double> _temperature =
        new("--temperature") { Range = Rule.AtLeast(0.0), Description = "Temperature of the first draw.", DefaultValueFactory = _ => 1 };
    private readonly Setting<double> _tau = new("--tau")
    {
        Range = Rule.AtLeast(0.0),
        Description = "For --model: a response is kept when its ROUGE-L with each one before it is below this.",
        DefaultValueFactory = _ => 0.8,
    };
    private readonly Setting<int> _trials = new("--trials")
    {
        Range = Rule.AtLeast(1),
        Description = "For --model: most draws per response, each 0.1 hotter; 1 takes what comes.",
        DefaultValueFactory = _ => 3,
    };
    private readonly Setting<int> _maxNewTokens =
        new("--max-new-tokens") { Range = Rule.AtLeast(1), Description = "Most tokens of a response.", DefaultValueFactory = _ => 256 };
    private readonly Setting<double> _topP = new("--top-p")
    {
        Range = (value => value is > 0 and <= 1, "above 0 and at most 1"),
        Description = "Nucleus sampling; 1 keeps all tokens.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Setting<int> _batch = new("--batch")
    {
        Range = Rule.AtLeast(1),
        Effect = Effect.Course,
        Description = "For --model: instructions sampled together. It does not change the responses.",
        DefaultValueFactory = _ => 16,
    };
    private readonly Setting<ulong> _seed = new("--seed") { Description = "Seed; a row's responses depend on it and the row's id only." };
    private readonly ShardOption _shard = new();
    private readonly ServiceOptions _service = new();

    public SampleCommand(App app)
        : base(app, "sample", Summary)
    {
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_teacher, _data, _out, _limit, _count, _temperature, _tau, _trials, _maxNewTokens, _topP,
            _batch, _seed, _shard])
            Options.Add(option);
        _service.AddTo(this);
        Validators.Add(result =>
        {
            if ((result.GetValue(_teacher) is null) == (_policy.Folder(result) is null))
                result.AddError("Give either --model FOLDER or --teacher KIND:MODEL.");
            // What was not given has no value yet here, not even its default.
            if (result.GetResult(_temperature) is { Implicit: false } && result.GetValue(_temperature) == 0
                && result.GetValue(_teacher) is null)
                result.AddError("--temperature 0 gives the same response every time, and a ranking needs different ones. `tuna generate` "
                    + "answers once, greedily.");
        });
        Examples =
        [
            "tuna sample --model alpaca --data alpaca.json --out samples.jsonl",
            "tuna sample --model teacher --data alpaca.json --out teacher.jsonl --trials 1    # plain sampling, for probabilistic ranking",
            "tuna sample --teacher openai:gpt-4o --data alpaca.json --out teacher.jsonl",
            "tuna sample --model alpaca --data alpaca.json --out samples.jsonl --shard 0/4    # a quarter of the rows; tuna merge puts "
                + "all together",
            "tuna sample --teacher completions:llama-7b --base-url http://localhost:8000/v1 --data alpaca.json --out teacher.jsonl",
        ];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) =>
        Task.Run(() => parse.GetValue(_teacher) is { } teacher
            ? FromServiceAsync(parse, teacher, ui, cancellationToken) : FromModelAsync(parse, ui, cancellationToken), cancellationToken);

    private async Task<StageResult> FromModelAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string output = _shard.PathOf(parse, parse.GetValue(_out)!), model = _policy.Folder(parse)!;
        ModelFolder.Require(model);
        ShardRows<InstructionExample> share =
            _shard.Take(parse, Rows.Instructions(parse.GetValue(_data)!, parse.GetValue(_limit)), Rows.Key);
        var options = new DiverseSamplerOptions
        {
            Count = parse.GetValue(_count),
            Threshold = parse.GetValue(_tau),
            Temperature = parse.GetValue(_temperature),
            MaxTrials = parse.GetValue(_trials),
            MaxNewTokens = parse.GetValue(_maxNewTokens),
            TopP = parse.GetValue(_topP),
            Seed = parse.GetValue(_seed),
        };
        Fingerprint settings = Fingerprint.Of(parse);
        SamplingStatistics total = SamplingStatistics.None;
        var failures = new List<(string, string)>();
        RowStageResult<RankedExample> result = await Stage(output).RunAsync(share.Rows, settings, ui, "sampling", (missing, sink) =>
        {
            using LoadedPolicy loaded = _policy.Load(parse);
            var sampler = new DiverseSampler(loaded.Policy, loaded.Tokenizer, options);
            foreach (InstructionExample[] batch in Fitting(missing, loaded, failures).Chunk(parse.GetValue(_batch)))
            {
                IReadOnlyList<DiverseSampleSet> drawn =
                    sampler.Sample([.. batch.Select(r => new DiversePrompt(r.Id!, loaded.Groups.EncodePrompt(r)))], cancellationToken);
                total = drawn.Aggregate(total, (sum, set) => sum.Add(set));
                string status = string.Create(CultureInfo.InvariantCulture,
                    $"{(double)total.Tokens / Math.Max(total.Draws, 1):0} tokens each, "
                    + $"{(double)total.Draws / Math.Max(1, total.Prompts * options.Count):0.00} draws each");
                for (int i = 0; i < batch.Length; i++)
                    sink.Add(drawn[i].ToRankedExample(batch[i], loaded.Name), status);
            }

            return Task.CompletedTask;
        });
        share.Complete(output, settings, result.Rows.Select(Rows.Key));
        return Result(output, result, failures, new()
        {
            ["draws"] = total.Draws,
            ["tokens"] = total.Tokens,
            ["resampled"] = total.Resampled,
            ["kept_above_tau"] = total.Forced,
            ["unfinished"] = total.Unfinished,
        });
    }

    private async Task<StageResult> FromServiceAsync(ParseResult parse, string name, StageUi ui, CancellationToken cancellationToken)
    {
        string output = _shard.PathOf(parse, parse.GetValue(_out)!);
        (string kind, string model) = name.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon
            ? (name[..colon], name[(colon + 1)..]) : (name, "");
        if (kind is not ("openai" or "completions") || model.Length == 0)
            throw new StageException($"--teacher {name} is not understood: it is openai:MODEL or completions:MODEL.", ExitCodes.Usage);
        ShardRows<InstructionExample> share =
            _shard.Take(parse, Rows.Instructions(parse.GetValue(_data)!, parse.GetValue(_limit)), Rows.Key);
        CallUsage spent = CallUsage.None;
        IReadOnlyList<RankingException> failures = [];
        Fingerprint settings = Fingerprint.Of(parse);
        RowStageResult<RankedExample> result = await Stage(output).RunAsync(share.Rows, settings, ui, "sampling", async (missing, sink) =>
        {
            Protocol protocol = kind == "openai" ? Protocol.ChatWithLogProbs : Protocol.Completions;
            using ServiceConnection service =
                await _service.OpenAsync(parse, model, output + ".calls.jsonl", protocol,
                CallEstimate.Answering(missing, parse.GetValue(_count), parse.GetValue(_maxNewTokens)), ui,
                _shard.Of(parse) is null ? null : parse.GetValue(_out), cancellationToken);
            var teacher = new ChatTeacher(service.Client, new TeacherOptions
            {
                Model = model,
                Temperature = (float)parse.GetValue(_temperature),
                TopP = (float)parse.GetValue(_topP),
                MaxTokens = parse.GetValue(_maxNewTokens),
                Seed = parse.GetValue(_seed),
            });
            failures = await TeacherSampling.RunAsync(teacher, missing, parse.GetValue(_count), _service.Parallel(parse),
                () => service.CostText, sink, cancellationToken);
            spent = service.Spent;
            ServiceFailures.StopIfNeeded(failures, sink.Count, output);
        });
        share.Complete(output, settings, result.Rows.Select(Rows.Key));
        return Result(output, result, [.. failures.Select(f => (f.RowId, f.Message))], new()
        {
            ["calls"] = spent.Calls,
            ["input_tokens"] = spent.InputTokens,
            ["output_tokens"] = spent.OutputTokens,
            ["cost"] = spent.Cost,
        });
    }

    private static RowStage<InstructionExample, RankedExample> Stage(string output) =>
        new(output, RankedFormat.Instance, Rows.Key, Rows.Key);

    private static StageResult Result(string output, RowStageResult<RankedExample> result, List<(string, string)> failures,
        JsonObject facts)
    {
        FailureFile.Write(output, failures);
        string text = $"{output}: {result.Rows.Count} rows with responses";
        if (failures.Count > 0)
            text += $"; {failures.Count} rows could not be answered, see {FailureFile.PathFor(output)}";
        facts["out"] = output;
        facts["rows"] = result.Rows.Count;
        facts["rows_before"] = result.Before;
        facts["failed"] = failures.Count;
        return new StageResult(text, facts, failures.Count > 0 ? ExitCodes.Partial : ExitCodes.Ok);
    }

    private static IEnumerable<InstructionExample> Fitting(IEnumerable<InstructionExample> rows, LoadedPolicy loaded,
        List<(string, string)> failures)
    {
        foreach (InstructionExample row in rows)
        {
            if (!loaded.Groups.TryEncodePrompt(row, out int[] prompt, out string? refusal))
                failures.Add((row.Id!, refusal));
            else if (prompt.Length < loaded.Policy.Info.ContextLength)
                yield return row;
            else
                failures.Add(
                    (row.Id!, $"the prompt has {prompt.Length} tokens; the model's context has {loaded.Policy.Info.ContextLength}"));
        }
    }
}
