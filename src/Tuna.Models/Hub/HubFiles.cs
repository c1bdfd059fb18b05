namespace Tuna.Models.Hub;

/// <summary>Which files of a repository are taken.</summary>
internal static class HubFiles
{
    private static readonly string[] Texts = ["tokenizer.model", "merges.txt", "vocab.txt", "chat_template.jinja"];
    private static readonly string[] DataEndings =
        [".parquet", ".jsonl", ".json", ".csv", ".jsonl.gz", ".json.gz", ".csv.gz", ".jsonl.zst", ".json.zst", ".csv.zst"];

    /// <summary>A name that stays inside of its folder.</summary>
    public static string Checked(string? name, string repository)
    {
        if (string.IsNullOrEmpty(name) || name.AsSpan().ContainsAny('\\', ':', '\0') || name.Split('/').Any(p => p is "" or "." or ".."))
            throw new HubException($"{repository}: the service names a file that has no place in a folder.");
        return name;
    }

    /// <summary>Settings, tokenizer and weights of a model.</summary>
    public static IReadOnlyList<string> OfModel(IReadOnlyList<string> files, string name)
    {
        string[] top = [.. files.Where(f => !f.Contains('/'))];
        string[] weights = [.. top.Where(f => f.EndsWith(".safetensors", StringComparison.Ordinal))];
        // Some models come twice, once in their maker's own layout.
        string[] named = [.. weights.Where(f => f.StartsWith("model", StringComparison.Ordinal))];
        if (weights.Length == 0)
            throw new HubException($"{name} has no safetensors; weights in other forms (pickles) are not taken, since they are programs.");
        if (!top.Contains("config.json"))
            throw new HubException($"{name} has no config.json; it is no model in the Hugging Face layout.");
        return [.. top.Where(f => f.EndsWith(".json", StringComparison.Ordinal) || f.EndsWith(".tiktoken", StringComparison.Ordinal)
            || Texts.Contains(f)), .. named.Length > 0 ? named : weights];
    }

    /// <summary>Whether a folder of the cache holds a model with all of its weights.</summary>
    public static bool IsWhole(string folder)
    {
        if (!File.Exists(Path.Combine(folder, "config.json")))
            return false;
        string index = Path.Combine(folder, "model.safetensors.index.json");
        if (!File.Exists(index))
            return Directory.EnumerateFiles(folder, "*.safetensors").Any();
        using var document = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(index));
        return document.RootElement.TryGetProperty("weight_map", out System.Text.Json.JsonElement map)
            && map.EnumerateObject().All(p => File.Exists(Path.Combine(folder, Path.GetFileName(p.Value.GetString()!))));
    }

    /// <summary>The files of a snapshot, by their names in the repository.</summary>
    public static IReadOnlyList<string> In(string folder) =>
        [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(folder, f).Replace(Path.DirectorySeparatorChar, '/')).Order(StringComparer.Ordinal)];

    /// <summary>The files of a split: <c>data/train-00000-of-00002.parquet</c>, <c>train.jsonl</c>, <c>train/part.parquet</c>, or below a
    /// configuration's folder.</summary>
    public static IReadOnlyList<string> OfSplit(IReadOnlyList<string> files, string? wanted, string name)
    {
        var data = files.Where(f => DataEndings.Any(e => f.EndsWith(e, StringComparison.OrdinalIgnoreCase)) && !IsSettings(f))
            .Select(f => (File: f, Place: PlaceOf(f))).ToList();
        if (data.Count == 0)
            throw new HubException($"{name} has no data files that are read here (Parquet, JSON, JSONL, CSV).");
        string[] splits = [.. data.Select(d => d.Place.Split).Distinct().Order(StringComparer.Ordinal)];
        string split = wanted is null ? (splits.Length == 1 ? splits[0] : "train") : wanted[(wanted.LastIndexOf('/') + 1)..];
        string? configuration = wanted?.Contains('/') == true ? wanted[..wanted.LastIndexOf('/')] : null;
        var chosen = data.Where(d => d.Place.Split == split && (configuration is null || d.Place.Configuration == configuration)).ToList();
        string[] configurations = [.. chosen.Select(d => d.Place.Configuration).Distinct().Order(StringComparer.Ordinal)];
        if (chosen.Count == 0)
        {
            IEnumerable<string> known = data
                .Select(d => d.Place.Configuration.Length > 0 ? $"{d.Place.Configuration}/{d.Place.Split}" : d.Place.Split)
                .Distinct().Order(StringComparer.Ordinal);
            throw new HubException(
                $"{name} has no split '{wanted ?? split}'. It has: {string.Join(", ", known)}. Name one: {name}:SPLIT.");
        }

        if (configurations.Length > 1)
            throw new HubException(
                $"{name} has the split '{split}' in several configurations: {string.Join(", ", configurations)}. Name one: "
                + $"{name}:{configurations[^1]}/{split}.");
        // The same rows in several forms are rows once.
        string ending = DataEndings.First(e => chosen.Exists(d => d.File.EndsWith(e, StringComparison.OrdinalIgnoreCase)));
        return [.. chosen.Select(d => d.File).Where(f => f.EndsWith(ending, StringComparison.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal)];
    }

    private static bool IsSettings(string file) =>
        Path.GetFileName(file) is "dataset_infos.json" or "dataset_info.json" or "state.json" or "config.json";

    private static (string Configuration, string Split) PlaceOf(string file)
    {
        string[] parts = file.Split('/');
        string stem = parts[^1][..parts[^1].IndexOf('.', StringComparison.Ordinal)];
        int shard = stem.IndexOf("-0", StringComparison.Ordinal);
        string split = shard > 0 ? stem[..shard] : stem;
        List<string> folders = [.. parts[..^1].Where(p => p != "data")];
        // train/part-0.parquet: the split is the folder.
        if (folders.Count > 0 && folders[^1] is "train" or "test" or "validation" or "dev" or "valid")
        {
            split = folders[^1];
            folders.RemoveAt(folders.Count - 1);
        }

        return (string.Join('/', folders), split);
    }
}
