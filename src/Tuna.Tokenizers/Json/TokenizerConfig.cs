using System.Globalization;
using System.Text.Json;
using Tuna.IO;

namespace Tuna.Tokenizers.Json;

/// <summary>What the small files beside a tokenizer say: added tokens and which of them begin and end a sequence.</summary>
internal sealed class TokenizerConfig
{
    private static readonly string[] SpecialNames =
        ["bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token"];

    private readonly HashSet<string> _special = new(StringComparer.Ordinal);

    public string? Bos { get; private set; }

    public string? Eos { get; private set; }

    /// <summary>Whether the configuration says that the begin token is put before texts; null when it does not say.</summary>
    public bool? AddBos { get; private set; }

    /// <summary>Whether the configuration says in so many words that there is no begin token.</summary>
    public bool BosIsNull { get; private set; }

    /// <summary>The class of Transformers that would load the tokenizer.</summary>
    public string? TokenizerClass { get; private set; }

    public List<AddedToken> AddedTokens { get; } = [];

    /// <summary>Number of token ids of the model in the same folder, as its config.json says; null where it does not.</summary>
    public int? ModelVocabulary { get; private set; }

    /// <summary>Reads tokenizer_config.json, special_tokens_map.json, added_tokens.json and the model's config.json where they
    /// are.</summary>
    public static TokenizerConfig Read(string folder)
    {
        var config = new TokenizerConfig();
        Read(folder, "special_tokens_map.json", config.Names);
        Read(folder, "tokenizer_config.json", config.Main);
        Read(folder, "added_tokens.json", config.Added);
        Read(folder, "config.json", (root, _) => config.ModelVocabulary = root.TryGetProperty("vocab_size", out JsonElement size)
            && size.TryGetInt32(out int ids) && ids > 0 ? ids : null);
        return config;
    }

    private static void Read(string folder, string name, Action<JsonElement, string> read)
    {
        string path = Path.Combine(folder, name);
        if (!System.IO.File.Exists(path))
            return;
        SpecialFile.Refuse(path);
        try
        {
            using JsonDocument document = JsonDocument.Parse(System.IO.File.ReadAllBytes(path));
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException($"'{path}' should hold one object.");
            read(document.RootElement, $"'{path}'");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"'{path}' is damaged: {e.Message}", e);
        }
    }

    private void Main(JsonElement root, string where)
    {
        Names(root, where);
        if (root.TryGetProperty("add_bos_token", out JsonElement add) && add.ValueKind is JsonValueKind.True or JsonValueKind.False)
            AddBos = add.GetBoolean();
        BosIsNull = root.TryGetProperty("bos_token", out JsonElement bos) && bos.ValueKind == JsonValueKind.Null;
        TokenizerClass = root.TryGetProperty("tokenizer_class", out JsonElement name) && name.ValueKind == JsonValueKind.String
            ? name.GetString() : null;
        if (!root.TryGetProperty("added_tokens_decoder", out JsonElement added) || added.ValueKind != JsonValueKind.Object)
            return;
        foreach (JsonProperty token in added.EnumerateObject())
        {
            string place = $"{where}: added_tokens_decoder.{token.Name}";
            if (!int.TryParse(token.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                throw new InvalidDataException($"{place}: '{token.Name}' is no id; ids are whole numbers from 0 on.");
            AddedTokens.Add(AddedTokenReader.Token(id, new JsonFields(token.Value, place)));
        }
    }

    private void Added(JsonElement root, string where)
    {
        foreach (JsonProperty token in root.EnumerateObject())
        {
            int id = JsonFields.Integer(token.Value, $"{where}: the id of '{token.Name}'", 0);
            if (AddedTokens.All(t => t.Id != id))
                AddedTokens.Add(new AddedToken(id, token.Name, Special: _special.Contains(token.Name)));
        }
    }

    private void Names(JsonElement root, string where)
    {
        foreach (string name in SpecialNames)
        {
            if (Name(root, name, where) is { } special)
                _special.Add(special);
        }

        if (root.TryGetProperty("additional_special_tokens", out JsonElement more) && more.ValueKind == JsonValueKind.Array)
            _special.UnionWith(more.EnumerateArray()
                .Select(t => t.ValueKind == JsonValueKind.Object ? t.GetProperty("content").GetString()! : t.GetString()!));
        Bos = Name(root, "bos_token", where) ?? Bos;
        Eos = Name(root, "eos_token", where) ?? Eos;
    }

    /// <summary>A token is given as its text or as an object with its content. An empty name, as old conversions wrote, is none.</summary>
    private static string? Name(JsonElement root, string name, string where)
    {
        if (!root.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null)
            return null;
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out JsonElement content))
            value = content;
        if (value.ValueKind != JsonValueKind.String)
            throw new InvalidDataException($"{where}: '{name}' should be a token, as text or as an object with 'content'.");
        return value.GetString() is { Length: > 0 } text ? text : null;
    }
}
