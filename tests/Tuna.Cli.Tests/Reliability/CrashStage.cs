using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Reliability;

/// <summary>A command that is killed and run again: how its inputs are made, its line, and what must come out the same to the
/// byte.</summary>
/// <param name="Name">Names it.</param>
/// <param name="Line">The arguments, with <c>OUT</c> for the output.</param>
/// <param name="Outputs">Files that it leaves, with <c>OUT</c> for the output.</param>
/// <param name="PaidRows">Calls that an uninterrupted run pays for; 0 where it makes none.</param>
internal sealed record CrashStage(string Name, string Line, string[] Outputs, int PaidRows = 0)
{
    private const string Recipe = """
        {
          "name": "crash", "description": "Three kinds of stages, one of them a sweep.",
          "stages": [
            { "name": "base", "run": "new", "with": { "out": "{work}/base", "size": "nano" } },
            { "name": "samples", "run": "sample",
              "with": { "model": "{work}/base", "data": "data.jsonl", "limit": 30, "max-new-tokens": 6, "batch": 2,
                        "threads": 1, "out": "{work}/samples.jsonl" } },
            { "name": "train", "run": "train", "each": { "lambda": [0, 1] },
              "with": { "model": "{work}/base", "data": "ranked.jsonl", "lambda": "{lambda}", "out": "{work}/lambda-{lambda}",
                        "batch": 4, "checkpoint-every": 1, "threads": 1 } },
          ],
        }
        """;

    private const string Trained = "--batch 2 --epochs 3 --lr 0.001 --checkpoint-every 1 --threads 1 -q";

    /// <summary>Calls to a service that are under way at a time.</summary>
    public const int Parallel = 3;

    private static readonly string[] s_model = ["OUT/model.safetensors", "OUT/training.jsonl"];
    private static readonly string[] s_rows = ["OUT"];
    private static readonly string s_service = $"--retry-delay 0.01 --parallel {Parallel} -q";

    /// <summary>All of them.</summary>
    public static CrashStage[] All { get; } =
    [
        new("convert", "convert --data many.jsonl --to trl --pairs best-worst --out OUT -q", s_rows),
        new("sample", "sample --model model --data data.jsonl --max-new-tokens 6 --batch 1 --threads 1 --seed 3 --out OUT -q", s_rows),
        new("generate", "generate --model model --data data.jsonl --max-new-tokens 8 --batch 1 --threads 1 --out OUT -q", s_rows),
        new("sft", $"sft --model model --data data.jsonl --limit 24 --out OUT {Trained}", s_model),
        new("train", $"train --model model --data ranked.jsonl --out OUT {Trained}", s_model),
        new("train-async",
            $"train --model model --data ranked.jsonl --async-checkpoints --micro-batch-tokens 400 --out OUT {Trained}", s_model),
        new("train-dpo", $"train --model model --data ranked.jsonl --objective dpo --out OUT {Trained}", s_model),
        new("train-gspo",
            $"train --model model --data ranked.jsonl --objective gspo --beta 0.1 --clip-low 0.2 --clip-high 0.2 --out OUT {Trained}",
            s_model),
        new("prm", $"prm --model model --data ranked.jsonl --out OUT {Trained}", s_model),
        new("train-torch", $"train --engine torch --model model --data ranked.jsonl --out OUT {Trained}", s_model),
        new("sft-torch", $"sft --engine torch --model model --data data.jsonl --limit 24 --out OUT {Trained}", s_model),
        new("prm-torch", $"prm --engine torch --model model --data ranked.jsonl --out OUT {Trained}", s_model),
        new("lora-torch",
            $"train --engine torch --lora-rank 2 --async-checkpoints --model model --data ranked.jsonl --out OUT {Trained}",
            s_model),
        new("sample-torch",
            "sample --engine torch --model model --data data.jsonl --max-new-tokens 6 --batch 1 --threads 1 --seed 3 --out OUT -q", s_rows),
        new("rank", $"rank --data ranked.jsonl --judge openai:loopback --out OUT {s_service}", s_rows, PaidRows: Rows),
        new("rank-orders", $"rank --data ranked.jsonl --judge openai:loopback --orders 3 --out OUT {s_service}", s_rows,
            PaidRows: 3 * Rows),
        new("rank-policy", "rank --data ranked.jsonl --judge policy:model --threads 1 --out OUT -q", s_rows),
        new("evaluate", "evaluate superni --benchmark ni --model model --batch 1 --threads 1 --out OUT -q",
            ["OUT", "OUT.predictions.jsonl"]),
        new("evaluate-lmentry", "evaluate lmentry --benchmark lm --model model --batch 1 --threads 1 --out OUT -q",
            ["OUT", "OUT.predictions.jsonl"]),
        new("evaluate-vicuna",
            $"evaluate vicuna --questions q.jsonl --answers a.jsonl --baseline b.jsonl --judge openai:loopback --out OUT {s_service}",
            s_rows, PaidRows: 2 * Rows), // each question in both orders
        new("evaluate-nll", "evaluate nll --model model --data data.jsonl --threads 1 --out OUT -q", s_rows),
        new("recipe", "run crash.json --work OUT -q",
            ["OUT/samples.jsonl", "OUT/lambda-0/model.safetensors", "OUT/lambda-1/model.safetensors", "OUT/lambda-1/training.jsonl"]),
        new("rounds",
            "rounds --model model --data data.jsonl --limit 12 --rounds 2 --judge openai:loopback --budget-tokens 1000000 --rank "
            + $"retry-delay=0.01 parallel={Parallel} --sample max-new-tokens=8 trials=1 batch=2 --train batch=4 lr=0.001 "
            + "checkpoint-every=1 --threads 1 --out OUT -q", ["OUT/round-2/ranked.jsonl", "OUT/round-2/model/model.safetensors",
            "OUT/round-2/model/training.jsonl", "OUT/rounds.json", "OUT/report.html"], PaidRows: 24),
    ];

    private const int Rows = 40;

    /// <summary>A folder with what all of them read.</summary>
    public static async Task<Workspace> PrepareAsync()
    {
        Workspace work = await new Workspace().WithInstructions(120).WithRanked(Rows).WithRanked(20000, "many.jsonl").WithModelAsync();
        Commands.EvaluateTests.WriteNaturalTask(work, instances: 60);
        await File.WriteAllTextAsync(work["crash.json"], Recipe);
        await WriteQuestionsAsync(work);
        return work;
    }

    // Vicuna's questions and two models' answers, and a task of LMentry.
    private static async Task WriteQuestionsAsync(Workspace work)
    {
        JsonObject Row(int i, string text) => new() { ["question_id"] = i, ["category"] = "generic", ["text"] = text };
        foreach ((string file, string text) in new[] { ("q.jsonl", "Question?"), ("a.jsonl", "GOOD"), ("b.jsonl", "POOR") })
            await File.WriteAllLinesAsync(work[file], Enumerable.Range(0, Rows).Select(i => Row(i, $"{text} {i}").ToJsonString()));
        Directory.CreateDirectory(work["lm"]);
        IEnumerable<KeyValuePair<string, JsonNode?>> examples = Enumerable.Range(0, Rows).Select(i =>
            KeyValuePair.Create($"{i}", (JsonNode?)new JsonObject
            {
                ["input"] = $"First letter of \"viola {i}\"?",
                ["metadata"] = new JsonObject { ["word"] = "viola", ["answer"] = "v", ["template_id"] = 0 },
            }));
        await File.WriteAllTextAsync(work["lm/first_letter.json"], new JsonObject
        {
            ["settings"] = new JsonObject { ["num_examples_per_template"] = Rows, ["input_templates"] = new JsonArray("a") },
            ["examples"] = new JsonObject(examples),
        }.ToJsonString());
    }

    /// <summary>The arguments for an output.</summary>
    public string[] Arguments(string output) => Line.Replace("OUT", output, StringComparison.Ordinal).Split(' ');

    /// <summary>Content of the outputs.</summary>
    public IEnumerable<(string Name, byte[] Content)> Read(Workspace work, string output)
    {
        foreach (string name in Outputs)
        {
            string path = work[name.Replace("OUT", output, StringComparison.Ordinal)];
            byte[] content = File.ReadAllBytes(path);
            // A result names its own files.
            yield return (name, Path.GetExtension(path) == ".json" ? Neutral(content, output) : content);
        }
    }

    private static byte[] Neutral(byte[] json, string output) =>
        System.Text.Encoding.UTF8.GetBytes(JsonNode.Parse(json)!.ToJsonString().Replace(output, "OUT", StringComparison.Ordinal));

    public override string ToString() => Name;
}
