using System.Text.Json;
using Tuna.Tokenizers.SentencePiece;

namespace Tuna.Tokenizers;

/// <summary>Reads the tables of a tokenizer folder.</summary>
public static class TokenizerTables
{
    private const int Normal = 1;
    private const int Control = 3;
    private const int UserDefined = 4;
    private const int Unused = 5;

    /// <summary>Reads them: of tokenizer.model when it is a SentencePiece model, else of tokenizer.json.</summary>
    /// <param name="folder">A Hugging Face model folder.</param>
    /// <exception cref="InvalidDataException">A file is damaged.</exception>
    /// <exception cref="NotSupportedException">The tokenizer is of another kind: it is not byte-level BPE, or changes texts in a way that
    /// tables cannot say.</exception>
    public static TokenizerTable Read(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        // Whatever can be wrong with the files is found by the tokenizer itself.
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Load(folder);
        string model = Path.Combine(folder, "tokenizer.model"), json = Path.Combine(folder, "tokenizer.json");
        if (File.Exists(model) && File.OpenRead(model) is var stream && Looks(stream))
            return OfSentencePiece(model, tokenizer);
        return File.Exists(json) ? OfJson(json, tokenizer)
            : throw new NotSupportedException(
            $"'{folder}': a tokenizer of tiktoken ranks has no merges; take the tokenizer.json of the same model.");
    }

    private static bool Looks(FileStream stream)
    {
        using (stream)
        {
            Span<byte> start = stackalloc byte[3];
            return SentencePieceModelFile.Looks(start[..stream.ReadAtLeast(start, 3, throwOnEndOfStream: false)]);
        }
    }

    private static TokenizerTable OfSentencePiece(string path, HuggingFaceTokenizer tokenizer)
    {
        SentencePieceModelFile file = SentencePieceModelFile.Read(path);
        if (file.ModelType != 2 || !file.EscapeWhitespaces || file.WhitespaceAsSuffix || file.RemoveExtraWhitespaces)
            throw new NotSupportedException(
                $"'{path}': a table of scores stands for SentencePiece BPE that keeps all spaces and marks them before words; this model "
                + $"does not.");
        int size = tokenizer.VocabularySize;
        (string[] tokens, int[] types) = Empty(size);
        var scores = new float[size];
        for (int id = 0; id < file.Pieces.Count; id++)
            (tokens[id], types[id], scores[id]) = (file.Pieces[id].Text, (int)file.Pieces[id].Type, file.Pieces[id].Score);
        AddTokens(tokenizer, tokens, types, from: file.Pieces.Count);
        return new()
        {
            IsSentencePiece = true,
            Tokens = tokens,
            Types = types,
            Scores = scores,
            BosId = tokenizer.BosId,
            EosId = tokenizer.EosId,
            UnknownId = file.UnknownId,
            AddsSpacePrefix = file.AddDummyPrefix,
        };
    }

    private static TokenizerTable OfJson(string path, HuggingFaceTokenizer tokenizer)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
        JsonElement root = document.RootElement, model = root.GetProperty("model");
        var splits = new List<string>();
        bool bytes = root.TryGetProperty("pre_tokenizer", out JsonElement steps) && steps.ValueKind == JsonValueKind.Object
            && Splits(steps, splits, path);
        if (!bytes || (model.TryGetProperty("type", out JsonElement type) && type.GetString() != "BPE"))
            throw new NotSupportedException(
                $"'{path}': tables are read of byte-level BPE; this tokenizer is of another kind. A SentencePiece tokenizer.model beside "
                + $"it would be taken.");
        if (root.TryGetProperty("normalizer", out JsonElement normalizer) && normalizer.ValueKind == JsonValueKind.Object
            && normalizer.GetProperty("type").GetString() != "NFC")
            throw new NotSupportedException(
                $"'{path}': the normalizer {normalizer.GetProperty("type").GetString()} changes texts, which tables cannot say.");
        (string[] tokens, int[] types) = Empty(tokenizer.VocabularySize);
        foreach (JsonProperty piece in model.GetProperty("vocab").EnumerateObject())
            (tokens[piece.Value.GetInt32()], types[piece.Value.GetInt32()]) = (piece.Name, Normal);
        AddTokens(tokenizer, tokens, types, from: 0);
        return new()
        {
            IsSentencePiece = false,
            Tokens = tokens,
            Types = types,
            Merges = [.. model.GetProperty("merges").EnumerateArray()
                .Select(m => m.ValueKind == JsonValueKind.String ? m.GetString()! : $"{m[0].GetString()} {m[1].GetString()}")],
            Splits = splits,
            BosId = tokenizer.BosId,
            EosId = tokenizer.EosId,
        };
    }

    // Whether the steps end in the byte-level alphabet.
    private static bool Splits(JsonElement step, List<string> splits, string path)
    {
        switch (step.GetProperty("type").GetString())
        {
            case "Sequence":
                bool bytes = false;
                foreach (JsonElement part in step.GetProperty("pretokenizers").EnumerateArray())
                    bytes = Splits(part, splits, path);
                return bytes;
            case "Split" when step.GetProperty("pattern").TryGetProperty("Regex", out JsonElement regex)
                && step.GetProperty("behavior").GetString() == "Isolated":
                splits.Add(regex.GetString()!);
                return false;
            case "Digits":
                splits.Add(step.GetProperty("individual_digits").GetBoolean() ? "digit" : "digits");
                return false;
            case "ByteLevel" when !(step.TryGetProperty("add_prefix_space", out JsonElement prefix) && prefix.GetBoolean()):
                if (!step.TryGetProperty("use_regex", out JsonElement uses) || uses.GetBoolean())
                    splits.Add("gpt2");
                return true;
            case var type:
                throw new NotSupportedException($"'{path}': the pre-tokenizer {type}, as it is set there, has no form in tables.");
        }
    }

    private static (string[] Tokens, int[] Types) Empty(int size) =>
        ([.. Enumerable.Range(0, size).Select(i => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"[{i}]"))],
            [.. Enumerable.Repeat(Unused, size)]);

    private static void AddTokens(HuggingFaceTokenizer tokenizer, string[] tokens, int[] types, int from)
    {
        foreach (AddedToken token in tokenizer.AddedTokens.Values)
        {
            if (token.Id >= from)
                (tokens[token.Id], types[token.Id]) = (token.Content, token.Special ? Control : UserDefined);
        }
    }
}
