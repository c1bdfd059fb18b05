using System.Text.Json;
using Tuna.Tokenizers.Decoders;
using Tuna.Tokenizers.Models;
using Tuna.Tokenizers.Normalizers;
using Tuna.Tokenizers.PreTokenizers;

namespace Tuna.Tokenizers.Json;

/// <summary>A Hugging Face tokenizer.json: every component of it, read and checked.</summary>
internal sealed class TokenizerJson
{
    public required JsonTokenizerModel Model { get; init; }

    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>What the post-processor puts around a text.</summary>
    public required TextFrame Frame { get; init; }

    /// <exception cref="InvalidDataException">The file is damaged or contradicts itself.</exception>
    /// <exception cref="NotSupportedException">The file asks for what this version does not do.</exception>
    public static TokenizerJson Read(string path)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(path));
            return Read(document.RootElement, $"'{path}'");
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException
            or ArgumentException)
        {
            throw new InvalidDataException($"'{path}' is not a tokenizer.json as Hugging Face tokenizers writes it: {e.Message}", e);
        }
    }

    private static TokenizerJson Read(JsonElement root, string where)
    {
        var fields = new JsonFields(root, where);
        if (fields.TextOrNull("version") is { } version && version != "1.0")
            throw fields.Unsupported($"version '{version}' is not known; there is 1.0.");
        if (fields.TryGet("truncation", out _))
            throw fields.Unsupported("'truncation' would cut texts without a word; set it to null (lengths are an option of training).");
        if (fields.TryGet("padding", out _))
            throw fields.Unsupported("'padding' is not applied here; set it to null (batches are not padded).");

        INormalizer? normalizer = fields.TryGet("normalizer", out JsonElement element)
            ? NormalizerReader.Read(element, $"{where}: normalizer") : null;
        var steps = new List<IPreTokenizer>();
        if (fields.TryGet("pre_tokenizer", out element))
            PreTokenizerReader.Read(element, $"{where}: pre_tokenizer", steps);
        IDecoder? decoder = fields.TryGet("decoder", out element) ? DecoderReader.Read(element, $"{where}: decoder") : null;
        TextFrame frame = fields.TryGet("post_processor", out element)
            ? PostProcessorReader.Read(element, $"{where}: post_processor") : TextFrame.Empty;

        element = fields.Required("model");
        // The common case, in which the last step spells bytes: the model does it, and remembers words as they are in the text.
        bool spellBytes = steps.Count > 0 && steps[^1] is SpellBytes
            && (!element.TryGetProperty("type", out JsonElement type) || type.GetString() == "BPE");
        if (spellBytes)
            steps.RemoveAt(steps.Count - 1);
        ITextModel model = ModelReader.Read(element, $"{where}: model", spellBytes);
        IReadOnlyList<AddedToken> added = fields.TryGet("added_tokens", out _) ? AddedTokenReader.Read(fields, model.Vocabulary) : [];
        fields.Done();
        return new TokenizerJson { Model = new JsonTokenizerModel(model, normalizer, steps, decoder), AddedTokens = added, Frame = frame };
    }
}
