using System.Text.Json;
using Tuna.Tokenizers.Models;

namespace Tuna.Tokenizers.Json;

/// <summary>Reads the <c>model</c> of tokenizer.json.</summary>
internal static class ModelReader
{
    /// <param name="element">The model.</param>
    /// <param name="where">File and place, for messages.</param>
    /// <param name="spellBytes">Whether words come as text and the model spells them in the byte-level alphabet.</param>
    public static ITextModel Read(JsonElement element, string where, bool spellBytes)
    {
        var fields = new JsonFields(element, where);
        string type = fields.TextOrNull("type") ?? "BPE";
        ITextModel model = type switch
        {
            "BPE" => Bpe(fields, spellBytes),
            "Unigram" => Unigram(fields),
            _ => throw fields.Unsupported($"a {type} model is not supported; there are BPE and Unigram."),
        };
        fields.Done();
        return model;
    }

    private static BpeModel Bpe(JsonFields fields, bool spellBytes)
    {
        if (fields.TryGet("dropout", out JsonElement dropout) && !(dropout.ValueKind == JsonValueKind.Number && dropout.GetDouble() == 0))
            throw fields.Unsupported("'dropout' makes encoding random; it is for training tokenizers' models, set it to null.");
        var options = new BpeOptions
        {
            Unknown = fields.TextOrNull("unk_token"),
            FuseUnknown = fields.Flag("fuse_unk", false),
            ByteFallback = fields.Flag("byte_fallback", false),
            IgnoreMerges = fields.Flag("ignore_merges", false),
            ContinuingPrefix = fields.TextOrNull("continuing_subword_prefix") ?? "",
            WordSuffix = fields.TextOrNull("end_of_word_suffix") ?? "",
            SpellBytes = spellBytes,
        };
        Vocabulary vocabulary = Pieces(fields);
        if (options.ByteFallback)
            RequireBytes(vocabulary, fields.Where);
        return new BpeModel(vocabulary, Merges(fields), options, fields.Where);
    }

    private static Vocabulary Pieces(JsonFields fields)
    {
        JsonElement vocabulary = fields.Required("vocab");
        if (vocabulary.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException($"{fields.Where}: 'vocab' should be an object of pieces and ids.");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (JsonProperty piece in vocabulary.EnumerateObject())
        {
            if (piece.Value.ValueKind != JsonValueKind.Number || !piece.Value.TryGetInt32(out int id))
                throw new InvalidDataException(
                    $"{fields.Where}: piece '{piece.Name}' has the id {piece.Value.GetRawText()}, which is no id.");
            if (!ids.TryAdd(piece.Name, id))
                throw new InvalidDataException($"{fields.Where}: piece '{piece.Name}' is in the vocabulary twice.");
        }

        return new Vocabulary(ids, fields.Where);
    }

    private static List<(string Left, string Right)> Merges(JsonFields fields)
    {
        List<JsonElement> items = fields.Items("merges");
        var merges = new List<(string, string)>(items.Count);
        foreach (JsonElement merge in items)
        {
            // Written as ["a", "b"] since tokenizers 0.20, as "a b" before.
            if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2)
            {
                merges.Add((merge[0].GetString()!, merge[1].GetString()!));
                continue;
            }

            string[] pair = merge.ValueKind == JsonValueKind.String ? merge.GetString()!.Split(' ') : [];
            if (pair.Length != 2)
                throw new InvalidDataException($"{fields.Where}: merge {merges.Count} ({merge.GetRawText()}) is not two pieces.");
            merges.Add((pair[0], pair[1]));
        }

        return merges;
    }

    private static UnigramModel Unigram(JsonFields fields)
    {
        List<JsonElement> items = fields.Items("vocab");
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        var scores = new double[items.Count];
        for (int id = 0; id < items.Count; id++)
        {
            JsonElement item = items[id];
            bool pair = item.ValueKind == JsonValueKind.Array && item.GetArrayLength() == 2 && item[0].ValueKind == JsonValueKind.String
                && item[1].ValueKind == JsonValueKind.Number;
            if (!pair || !double.IsFinite(scores[id] = RustNumber.Parse(item[1].GetRawText())))
                throw new InvalidDataException($"{fields.Where}: piece {id} should be a text and its score.");
            if (!ids.TryAdd(item[0].GetString()!, id))
                throw new InvalidDataException($"{fields.Where}: piece '{item[0].GetString()}' is in the vocabulary twice.");
        }

        if (items.Count == 0)
            throw new InvalidDataException($"{fields.Where}: the vocabulary is empty.");
        int? unknown = fields.TryGet("unk_id", out _) ? fields.Number("unk_id", 0) : null;
        if (unknown >= items.Count)
            throw new InvalidDataException($"{fields.Where}: 'unk_id' is {unknown} and the vocabulary has {items.Count} pieces.");
        bool byteFallback = fields.Flag("byte_fallback", false);
        var vocabulary = new Vocabulary(ids, fields.Where);
        if (byteFallback)
            RequireBytes(vocabulary, fields.Where);
        return new UnigramModel(vocabulary, scores, unknown, byteFallback, fields.Where);
    }

    /// <summary>Byte pieces may be left out where the byte is a character that is a piece itself, as Gemma's tab is.</summary>
    private static void RequireBytes(Vocabulary vocabulary, string where)
    {
        int[] ids = vocabulary.ByteIds();
        for (int b = 0; b < ids.Length; b++)
        {
            if (ids[b] < 0 && (b >= 0x80 || !vocabulary.TryGetId([(char)b], out _)))
                throw new InvalidDataException($"{where} asks for byte fallback but has no piece <0x{b:X2}>.");
        }
    }
}
