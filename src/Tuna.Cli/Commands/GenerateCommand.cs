using System.CommandLine;
using Tuna.Data;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Cli.Terminal;
using JsonText = Tuna.Cli.Files.JsonText;

namespace Tuna.Cli.Commands;

/// <summary>One response per instruction.</summary>
internal sealed class GenerateCommand : StageCommand
{
    public const string Summary = "Answers each instruction once, greedily unless told otherwise: predictions to look at or to evaluate.";

    private readonly PolicyOptions _policy = new(about: "The model that answers: a folder in the Hugging Face layout.");
    private readonly Setting<string> _data = new("--data", "-d")
    {
        Effect = Effect.Course,
        Description = "Instructions in Alpaca's form or another that `tuna convert` reads.",
        Required = true,
    };
    private readonly Setting<string> _out = new("--out", "-o")
    {
        Effect = Effect.Course,
        Description = "The instructions with the model's answers as `output`, JSONL; an `output` of the input is kept as `reference`.",
        Required = true,
    };
    private readonly Setting<int> _limit =
        new("--limit") { Range = Rule.AtLeast(0), Effect = Effect.Course, Description = "Only the first rows; 0 for all." };
    private readonly Setting<int> _maxNewTokens =
        new("--max-new-tokens") { Range = Rule.AtLeast(1), Description = "Most tokens of an answer.", DefaultValueFactory = _ => 256 };
    private readonly Setting<double> _temperature = new("--temperature")
    {
        Range = Rule.AtLeast(0.0),
        Description = "0 takes the likeliest token each time.",
        DefaultValueFactory = _ => 0,
    };
    private readonly Setting<int> _batch = new("--batch")
    {
        Range = Rule.AtLeast(1),
        Effect = Effect.Course,
        Description = "Instructions answered together. It does not change the answers.",
        DefaultValueFactory = _ => 16,
    };
    private readonly Setting<ulong> _seed = new("--seed") { Description = "Seed, for temperatures above 0." };
    private readonly ShardOption _shard = new();

    public GenerateCommand(App app)
        : base(app, "generate", Summary)
    {
        _policy.AddTo(this);
        foreach (Option option in (Option[])[_data, _out, _limit, _maxNewTokens, _temperature, _batch, _seed, _shard])
            Options.Add(option);
        Examples = ["tuna generate --model tuna --data questions.jsonl --out answers.jsonl"];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken) => Task.Run(async () =>
    {
        string output = _shard.PathOf(parse, parse.GetValue(_out)!), model = _policy.Folder(parse)!;
        ModelFolder.Require(model);
        ShardRows<InstructionExample> share =
            _shard.Take(parse, Rows.Instructions(parse.GetValue(_data)!, parse.GetValue(_limit)), Rows.Key);
        int maxNewTokens = parse.GetValue(_maxNewTokens);
        double temperature = parse.GetValue(_temperature);
        ulong seed = parse.GetValue(_seed);
        Fingerprint settings = Fingerprint.Of(parse);
        var stage = new RowStage<InstructionExample, InstructionExample>(output, InstructionFormat.Instance, Rows.Key, Rows.Key);
        var failures = new List<(string, string)>();
        long tokens = 0;
        RowStageResult<InstructionExample> result = await stage.RunAsync(share.Rows, settings, ui, "answering", (missing, sink) =>
        {
            using LoadedPolicy loaded = _policy.Load(parse);
            foreach (InstructionExample[] chunk in missing.Chunk(parse.GetValue(_batch)))
            {
                var requests = new List<SamplingRequest>();
                var asked = new List<InstructionExample>();
                foreach (InstructionExample row in chunk)
                {
                    if (!loaded.Groups.TryEncodePrompt(row, out int[] prompt, out string? refusal))
                    {
                        failures.Add((row.Id!, refusal));
                        continue;
                    }

                    int room = loaded.Policy.Info.ContextLength - prompt.Length;
                    if (room < 1)
                    {
                        failures.Add(
                            (row.Id!,
                            $"the prompt has {prompt.Length} tokens; the model's context has {loaded.Policy.Info.ContextLength}"));
                        continue;
                    }

                    asked.Add(row);
                    requests.Add(new()
                    {
                        Prompt = prompt,
                        MaxNewTokens = Math.Min(room, maxNewTokens),
                        Temperature = temperature,
                        Seed = Rng.Derive(seed, row.Id!),
                        StopTokens = [loaded.Tokenizer.EosId],
                    });
                }

                IReadOnlyList<IReadOnlyList<SampledResponse>> answers = loaded.Policy.Sample(requests, cancellationToken);
                for (int i = 0; i < asked.Count; i++)
                {
                    tokens += answers[i][0].Tokens.Count;
                    sink.Add(Answered(asked[i], loaded.Tokenizer.Decode([.. answers[i][0].Tokens]), loaded.Name));
                }
            }

            return Task.CompletedTask;
        });
        FailureFile.Write(output, failures);
        share.Complete(output, settings, result.Rows.Select(Rows.Key));
        string failed = failures.Count > 0
            ? $"; {failures.Count} prompts could not be answered, see {FailureFile.PathFor(output)}"
            : "";
        return new StageResult($"{output}: {result.Rows.Count} answers{failed}", new()
        {
            ["out"] = output,
            ["rows"] = result.Rows.Count,
            ["rows_before"] = result.Before,
            ["failed"] = failures.Count,
            ["tokens"] = tokens,
        }, failures.Count > 0 ? ExitCodes.Partial : ExitCodes.Ok);
    }, cancellationToken);

    private static InstructionExample Answered(InstructionExample row, string answer, string model)
    {
        var extra = row.Extra.Where(f => f.Name is not ("reference" or "generator")).ToList();
        if (row.Output.Length > 0)
            extra.Add(new("reference", System.Text.Json.Nodes.JsonValue.Create(row.Output).ToJsonString(JsonText.OneLine)));
        extra.Add(new("generator", System.Text.Json.Nodes.JsonValue.Create(model).ToJsonString(JsonText.OneLine)));
        return row with { Output = answer, Extra = extra };
    }
}
