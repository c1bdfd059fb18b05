using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Tuna.Testing;
using Tuna.Tokenizers.Tests.Oracle;

namespace Tuna.Tokenizers.Tests.Jinja;

/// <summary>Public chat templates and single constructs, compared with what Transformers renders of them.</summary>
public class ChatTemplateGoldenTests
{
    private static readonly TimeProvider Clock = new FixedTime(new DateTimeOffset(2026, 7, 4, 9, 5, 3, TimeSpan.Zero));

    private static readonly JsonSerializerOptions Readable =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [SkippableFact]
    public void Render_PublicTemplates_IsTransformersText()
    {
        JsonElement golden = Golden("templates.json");
        JsonElement[] conversations = [.. golden.GetProperty("conversations").EnumerateArray()];
        var faults = new List<string>();
        var absent = new List<string>();
        int templates = 0, compared = 0;
        foreach (JsonElement entry in golden.GetProperty("templates").EnumerateArray())
        {
            string name = entry.GetProperty("name").GetString()!;
            if (Source(entry) is not { } source)
            {
                absent.Add(name);
                continue;
            }

            Assert.Equal(entry.GetProperty("sha256").GetString(),
                Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(source))));
            templates++;
            ChatTemplate template = ChatTemplate.Parse(source,
                entry.GetProperty("tokens").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!));
            foreach (JsonElement c in entry.GetProperty("cases").EnumerateArray())
            {
                compared++;
                int number = c.GetProperty("conversation").GetInt32();
                JsonElement conversation = conversations[number];
                var options = new ChatTemplateOptions
                {
                    AddGenerationPrompt = c.GetProperty("add_generation_prompt").GetBoolean(),
                    Variables = conversation.EnumerateObject().Where(p => p.Name != "messages").ToDictionary(p => p.Name, p => p.Value),
                    Time = Clock,
                };
                if (Difference(c, () => template.Render(conversation.GetProperty("messages"), options)) is { } difference)
                    faults.Add($"{name}, conversation {number}: {difference}");
            }
        }

        Assert.True(faults.Count == 0, $"{faults.Count} of {compared}:\n{string.Join('\n', faults.Take(20))}");
        Assert.True(templates >= 17);
        Skip.If(absent.Count > 0,
            $"{compared} texts are right; not at hand are the templates {string.Join(", ", absent)}: run tests/fetch-tokenizers (it needs "
            + $"npm and a network).");
    }

    [Fact]
    public void Render_Constructs_IsTransformersTextOrRefused()
    {
        JsonElement golden = Golden("constructs.json");
        JsonElement values = golden.GetProperty("values");
        var options = new ChatTemplateOptions
        {
            AddGenerationPrompt = false,
            Time = Clock,
            Variables = values.EnumerateObject().ToDictionary(p => p.Name, p => p.Value),
        };
        var faults = new List<string>();
        var refused = new List<string>();
        foreach (JsonElement c in golden.GetProperty("cases").EnumerateArray())
        {
            string template = c.GetProperty("template").GetString()!;
            if (Difference(c, () => ChatTemplate.Parse(template).Render([], options), refused) is { } difference)
                faults.Add($"{template}\n  {difference}");
        }

        Assert.True(faults.Count == 0, $"{faults.Count}:\n{string.Join('\n', faults)}");
        // What Jinja does and this does not, refused by name.
        string[] known = ["'print'", "\\N", "lipsum", "these characters", "'groupby'", "'truncate'", "'escape'", "printing the function",
            "printing range"];
        Assert.All(refused, message => Assert.Contains(known, k => message.Contains(k, StringComparison.Ordinal)));
    }

    private static JsonElement Golden(string file)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Find(file)));
        return document.RootElement.Clone();
    }

    private static string Find(params string[] parts)
    {
        string path = GoldenData.FilePath(["chat", .. parts]);
        return File.Exists(path) ? path : Path.Combine([GoldenData.TestsFolder(), "golden", "chat", .. parts]);
    }

    // Null when it renders as the reference does, or refuses what the reference refuses.
    private static string? Difference(JsonElement reference, Func<string> render, List<string>? refused = null)
    {
        string? expected = reference.TryGetProperty("text", out JsonElement text) ? text.GetString() : null;
        string actual;
        try
        {
            actual = render();
        }
        catch (Exception e) when (e is ChatTemplateException or InvalidDataException or NotSupportedException)
        {
            Assert.Matches("line [0-9]+|^[A-Za-z]", e.Message);
            if (expected is null)
                return null;
            if (refused is not null && e.Message.Contains("not supported here", StringComparison.Ordinal))
            {
                refused.Add(e.Message);
                return null;
            }

            return $"expected {Shown(expected)}, but: {e.Message}";
        }

        if (expected is null)
            return $"{reference.GetProperty("error").GetString()} is expected, but it renders {Shown(actual)}";
        return actual == expected ? null : $"expected {Shown(expected)}\n    actual {Shown(actual)}";
    }

    private static string Shown(string text) => JsonSerializer.Serialize(text.Length > 1500 ? text[..1500] : text, Readable);

    private static string? Source(JsonElement entry)
    {
        if (entry.TryGetProperty("file", out JsonElement file))
            return File.ReadAllText(Find("templates", file.GetString()!));
        string config = Path.Combine(FamilyFolder.Path ?? "", entry.GetProperty("family").GetString()!, "tokenizer_config.json");
        return File.Exists(config)
            ? ChatTemplate.Load(Path.GetDirectoryName(config)!, entry.GetProperty("template").GetString())!.Source : null;
    }

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;

        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    }
}
