using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;
using Tuna.IO;
using Tuna.Policies;
using Tuna.Tokenization;

namespace Tuna.Cli.Training;

/// <summary>Answers of the model before and after training, for the report.</summary>
internal sealed class SampleOptions
{
    private readonly Setting<int> _count = new("--samples")
    {
        Range = Rule.AtLeast(0),
        Unrecorded = value => value == 0,
        Description = "Prompts that the model answers before and after training (greedily), held-out ones first; `tuna report` shows them.",
        DefaultValueFactory = _ => 0,
    };

    public void AddTo(Command command) => command.Options.Add(_count);

    /// <summary>What to ask; null when nothing is.</summary>
    public SampleTaker? Of(ParseResult parse, ITokenizer tokenizer, IEnumerable<(string Id, string Instruction, string Input)> rows) =>
        parse.GetValue(_count) is > 0 and var count
            ? new(count, tokenizer, rows.DistinctBy(r => r.Id, StringComparer.Ordinal).ToDictionary(r => r.Id,
                r => r.Input.Length > 0 ? $"{r.Instruction}\n\n{r.Input}" : r.Instruction, StringComparer.Ordinal))
            : null;
}

/// <summary>Takes the same prompts' answers twice.</summary>
internal sealed class SampleTaker(int count, ITokenizer tokenizer, IReadOnlyDictionary<string, string> prompts)
{
    /// <summary>The file in a model's folder.</summary>
    public const string FileName = "samples.jsonl";

    private const int MaxNewTokens = 96;

    /// <summary>Answers before training, kept in a file: a resumed run has other weights.</summary>
    public IReadOnlyList<string> Before(string file, ITrainableScorer policy, IReadOnlyList<TokenGroup> groups, StageUi ui,
        CancellationToken cancellationToken)
    {
        if (File.Exists(file))
            return JsonSerializer.Deserialize<string[]>(File.ReadAllText(file))!;
        IReadOnlyList<string> answers = Take("answering as it is", policy, groups, ui, cancellationToken);
        AtomicFile.WriteAllText(file, new JsonArray([.. answers.Select(a => (JsonNode?)JsonValue.Create(a))]).ToJsonString());
        return answers;
    }

    /// <summary>Answers after training, with those before, as lines for the model's folder.</summary>
    public string Lines(IReadOnlyList<string> before, ITrainableScorer policy, IReadOnlyList<TokenGroup> groups, StageUi ui,
        CancellationToken cancellationToken)
    {
        string[] after = Take("answering", policy, groups, ui, cancellationToken);
        return string.Concat(groups.Take(count).Select((group, i) => new JsonObject
        {
            ["id"] = group.Id,
            ["prompt"] = prompts.GetValueOrDefault(group.Id) ?? tokenizer.Decode(group.Prompt.Span),
            ["before"] = before[i],
            ["after"] = after[i],
        }.ToJsonString(JsonText.OneLine) + "\n"));
    }

    private string[] Take(string what, ITrainableScorer policy, IReadOnlyList<TokenGroup> groups, StageUi ui,
        CancellationToken cancellationToken)
    {
        TokenGroup[] asked = [.. groups.Take(count)];
        SamplingRequest[] requests = [.. asked.Select(group => new SamplingRequest
        {
            Prompt = group.Prompt,
            MaxNewTokens = Math.Min(MaxNewTokens, policy.Info.ContextLength - group.Prompt.Length),
            Temperature = 0,
            StopTokens = [tokenizer.EosId],
        })];
        return ui.Measure(what, "prompts", asked.Length, 0, meter =>
        {
            IReadOnlyList<IReadOnlyList<SampledResponse>> answers = ((IPolicyModel)policy).Sample(requests, cancellationToken);
            meter.Add(asked.Length);
            return (string[])[.. answers.Select(a => tokenizer.Decode([.. a[0].Tokens]))];
        });
    }
}
