using System.Text.Json.Nodes;

namespace Tuna.Tokenizers.Tests.Json;

/// <summary>
/// Inputs on which other programs, and this one once, gave other ids than the model was trained with; the ids are Hugging Face's.
/// </summary>
public class PublishedFaultTests
{
    private const string ByteLevel = """{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false,"use_regex":false}""";

    [Fact]
    public void Encode_DecomposedLetterUnderNfc_IsComposed()
    {
        // Qwen: "cafe" and U+0301 were three bytes more.
        HuggingFaceTokenizer tokenizer = Bytes("""{"type":"NFC"}""", ByteLevel);
        Assert.Equal([99, 97, 102, 195, 169], tokenizer.Encode("cafe\u0301"));
    }

    [Fact]
    public void Encode_SeveralSplits_AllApply()
    {
        // DeepSeek: only the last of several splits was kept, so that digits were not cut in threes.
        string splits =
            """{"type":"Split","pattern":{"Regex":"\\p{N}{1,3}"},"behavior":"Isolated","invert":false},{"type":"Split","pattern":"""
                + """{"Regex":"[a-z]+"},"behavior":"Isolated","invert":false},""";
        HuggingFaceTokenizer tokenizer =
            Bytes("null", $$"""{"type":"Sequence","pretokenizers":[{{splits}}{{ByteLevel}}]}""", ["1 2", "12 3", "4 5", "123 4"]);
        Assert.Equal([257, 258], tokenizer.Encode("12345")); // 123 and 45, not 1234 and 5
    }

    [Fact]
    public void Encode_SingleWordToken_IsLeftAloneInsideWords()
    {
        HuggingFaceTokenizer tokenizer = Bytes("null", ByteLevel, [], new JsonObject
        {
            ["id"] = 256,
            ["content"] = "cat",
            ["single_word"] = true,
            ["normalized"] = false,
            ["special"] = false,
        });
        Assert.Equal([99, 111, 110, 99, 97, 116, 59, 256], tokenizer.Encode("concat;cat"));
    }

    [Fact]
    public void Encode_TokenOfTheNormalizedText_NeedsTheNormalizersSpelling()
    {
        // normalized with Prepend: the token is looked for with the prefix, which only the text's start has.
        HuggingFaceTokenizer tokenizer = Bytes("""{"type":"Prepend","prepend":"_"}""", ByteLevel, [], new JsonObject
        {
            ["id"] = 256,
            ["content"] = "hi",
            ["normalized"] = true,
            ["special"] = false,
        });
        Assert.Equal([256, 59, 104, 105], tokenizer.Encode("hi;hi"));
    }

    [Fact]
    public void Encode_RemovedSplit_DropsItsMatches()
    {
        string removed = """{"type":"Split","pattern":{"String":" "},"behavior":"Removed","invert":false}""";
        HuggingFaceTokenizer tokenizer = Bytes("null", $$"""{"type":"Sequence","pretokenizers":[{{removed}},{{ByteLevel}}]}""");
        Assert.Equal([97, 98], tokenizer.Encode("a b"));
    }

    [Fact]
    public void Encode_PatternThatTakesTooLong_NamesItInsteadOfHanging()
    {
        // Its repeats are few enough to load, and too many to finish.
        string slow =
            """{"type":"Split","pattern":{"Regex":"(?:a{1,9}b?){1,8}(?:a{1,9}c?){1,8}[^a][^!]"},"behavior":"Isolated","invert":false}""";
        HuggingFaceTokenizer tokenizer = Bytes("null", $$"""{"type":"Sequence","pretokenizers":[{{slow}},{{ByteLevel}}]}""");
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => tokenizer.Encode(new string('a', 100) + "!!"));
        Assert.Contains("pretokenizers[0]", e.Message, StringComparison.Ordinal);
    }

    /// <summary>A tokenizer whose ids are bytes, with merges after them.</summary>
    private static HuggingFaceTokenizer Bytes(string normalizer, string preTokenizer, string[]? merges = null, params JsonObject[] added)
    {
        var vocabulary = new JsonObject();
        for (int b = 0; b < 256; b++)
            vocabulary[Tuna.Tokenizers.ByteLevel.ByteLevelAlphabet.CharacterOf((byte)b).ToString()] = b;
        foreach (string merge in merges ?? [])
            vocabulary[merge.Replace(" ", "", StringComparison.Ordinal)] = vocabulary.Count;
        var json = new JsonObject
        {
            ["added_tokens"] = new JsonArray([.. added]),
            ["normalizer"] = JsonNode.Parse(normalizer),
            ["pre_tokenizer"] = JsonNode.Parse(preTokenizer),
            ["decoder"] = JsonNode.Parse(ByteLevel),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. (merges ?? []).Select(m => (JsonNode)m)]),
            },
        };
        using var folder = new TemporaryFolder();
        return HuggingFaceTokenizer.LoadFile(folder.Write("tokenizer.json", json.ToJsonString()), new() { EosToken = "!" });
    }
}
