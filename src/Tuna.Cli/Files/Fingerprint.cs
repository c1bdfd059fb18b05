using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Tuna.IO;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Files;

/// <summary>What a stage's output depends on, by name: an interrupted stage goes on only with the same ones.</summary>
internal sealed class Fingerprint
{
    private readonly SortedDictionary<string, string> _values = new(StringComparer.Ordinal);

    /// <summary>All that a command line says about the output of its command: every setting that is not declared to be without influence on
    /// it.</summary>
    public static Fingerprint Of(ParseResult parse)
    {
        var fingerprint = new Fingerprint().With("command", parse.CommandResult.Command.Name);
        foreach (ISetting setting in parse.CommandResult.Command.Options.OfType<ISetting>())
            setting.AddTo(fingerprint, parse);
        return fingerprint;
    }

    public Fingerprint With(string name, object? value)
    {
        _values[name] = Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
        return this;
    }

    /// <summary>Adds the content of a file, or of a model folder.</summary>
    public Fingerprint WithContent(string name, string path) => With(name, ContentHash.Of(path));

    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach ((string name, string value) in _values)
            json[name] = value;
        return json;
    }

    /// <summary>Requires a file written by <see cref="Save"/> to hold the same values; a missing one is written.</summary>
    /// <param name="path">The file.</param>
    /// <param name="output">The output that it guards, for the message.</param>
    /// <exception cref="StageException">A value differs: going on would mix two settings in one output.</exception>
    public void CheckOrSave(string path, string output)
    {
        if (!File.Exists(path))
        {
            Save(path);
            return;
        }

        if (Difference(path) is { } difference)
            throw new StageException(
                $"{output} was made with other settings: {difference}. Use another --out, or delete {output} and {path} to start afresh.");
    }

    /// <summary>The first difference to what a file holds, or null.</summary>
    public string? Difference(string path)
    {
        try
        {
            return Difference(JsonNode.Parse(File.ReadAllText(path)) as JsonObject);
        }
        catch (System.Text.Json.JsonException)
        {
            return $"{path} cannot be read";
        }
    }

    /// <summary>The first difference to saved values, or null.</summary>
    public string? Difference(JsonObject? saved)
    {
        if (saved is null)
            return "its settings cannot be read";
        foreach (string name in _values.Keys.Union(saved.Select(p => p.Key)))
        {
            string was = saved[name]?.ToString() ?? "(not set)";
            string now = _values.GetValueOrDefault(name, "(not set)");
            if (was != now)
                return $"{name} was {was} and is now {now}";
        }

        return null;
    }

    public void Save(string path)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
            Directory.CreateDirectory(folder);
        AtomicFile.WriteAllText(path, ToJson().ToJsonString(JsonText.Indented) + "\n");
    }

    /// <summary>A short name for all values together.</summary>
    public string Digest() => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(ToJson().ToJsonString())))[..16];
}
