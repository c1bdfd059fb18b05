using System.Text.Json.Nodes;
using Tuna.Testing;

namespace Tuna.Cli.Tests.Support;

/// <summary>A folder with tiny data and a tiny random model.</summary>
internal sealed class Workspace : IDisposable
{
    private readonly TempFolder _folder = new(inMemory: true);

    public string Root => _folder.Root;

    public string this[string name] => Path.Combine(Root, name);

    public string Text(string name) => File.ReadAllText(this[name]);

    public string[] Lines(string name) => File.ReadAllLines(this[name]);

    public JsonNode[] Rows(string name) => [.. Lines(name).Select(l => JsonNode.Parse(l)!)];

    public Workspace WithInstructions(int count, string name = "data.jsonl")
    {
        File.WriteAllLines(this[name], Enumerable.Range(0, count).Select(i =>
            new JsonObject { ["id"] = $"r{i}", ["instruction"] = $"Say the number {i}.", ["input"] = "",
                ["output"] = $"It is {i}." }.ToJsonString()));
        return this;
    }

    /// <summary>Ranked rows; the better a candidate, the higher its number.</summary>
    public Workspace WithRanked(int count, string name = "ranked.jsonl", bool scores = true)
    {
        File.WriteAllLines(this[name], Enumerable.Range(0, count).Select(i =>
        {
            var row = new JsonObject
            {
                ["id"] = $"r{i}",
                ["instruction"] = $"Say the number {i}.",
                ["output"] = new JsonArray($"{i}!", "No.", $"I say {i}.", "What?"),
                ["reference"] = $"It is {i}.",
                ["logprob"] = new JsonArray(-3.0, -5.0, -8.0, -20.0),
                ["tokens"] = new JsonArray(3, 4, 8, 6),
            };
            if (scores)
                row["score"] = new JsonArray(4, 3, 2, 1);
            return row.ToJsonString();
        }));
        return this;
    }

    public async Task<Workspace> WithModelAsync(string name = "model")
    {
        (await TunaProcess.RunAsync(Root, "new", "--out", name, "--size", "nano", "--quiet")).Expect(0);
        return this;
    }

    public byte[] Weights(string folder) => File.ReadAllBytes(Path.Combine(this[folder], "model.safetensors"));

    public void Dispose() => _folder.Dispose();
}
