using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.IO;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Evaluation;

/// <summary>The result of one evaluation of one model, as a small JSON file; `tuna report` puts several side by side.</summary>
/// <param name="Benchmark">What was measured.</param>
/// <param name="Model">The model's name.</param>
/// <param name="Metrics">Figures by name, the most important first.</param>
/// <param name="Details">Figures per task or category, by group and name; may be empty.</param>
/// <param name="Issues">What was wrong with data or predictions.</param>
internal sealed record EvaluationResult(string Benchmark, string Model, IReadOnlyList<(string Name, double Value)> Metrics,
    JsonObject Details, IReadOnlyList<string> Issues)
{
    public void Write(string path) => AtomicFile.WriteAllText(path, ToJson().ToJsonString(JsonText.Indented) + "\n");

    public JsonObject ToJson() => new()
    {
        ["benchmark"] = Benchmark,
        ["model"] = Model,
        ["metrics"] = new JsonObject(
            Metrics.Select(m => KeyValuePair.Create(m.Name, (JsonNode?)(double.IsFinite(m.Value) ? JsonValue.Create(m.Value) : null)))),
        ["details"] = Details.DeepClone(),
        ["issues"] = new JsonArray([.. Issues.Select(i => (JsonNode?)JsonValue.Create(i))]),
    };

    public static EvaluationResult Read(string path)
    {
        SpecialFile.Refuse(path);
        try
        {
            JsonObject json = JsonNode.Parse(File.ReadAllText(path)) as JsonObject
                ?? throw new StageException($"{path}: a result is a JSON object.");
            return new(
                json["benchmark"]?.GetValue<string>()
                    ?? throw new StageException($"{path}, key 'benchmark': it is missing. Results are written by `tuna evaluate`."),
                json["model"]?.GetValue<string>() ?? throw new StageException($"{path}, key 'model': it is missing."),
                [.. (json["metrics"] as JsonObject ?? throw new StageException($"{path}, key 'metrics': it is missing."))
                    .Select(m => (m.Key, m.Value?.GetValue<double>() ?? double.NaN))],
                (JsonObject?)json["details"]?.DeepClone() ?? [],
                [.. (json["issues"] as JsonArray ?? []).Select(i => i?.GetValue<string>() ?? "")]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new StageException($"{path}: not a result of `tuna evaluate`: {e.Message}", inner: e);
        }
    }

    public StageResult ToStageResult(string path)
    {
        string figures = string.Join(", ", Metrics.Select(m => $"{m.Name} {FigureText.Of(m.Value)}"));
        string issues = Issues.Count == 0
            ? "" : $"{Issues.Count} issues, all named in {path}:{Environment.NewLine}{IssueSummary.Text(Issues)}{Environment.NewLine}";
        JsonObject facts = ToJson();
        facts["out"] = path;
        facts.Remove("details");
        return new($"{issues}{path}: {Benchmark} of {Model}: {figures}", facts, ExitCodes.Ok);
    }
}
