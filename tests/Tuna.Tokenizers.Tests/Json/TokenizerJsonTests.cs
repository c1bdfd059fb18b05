using System.Text.Json.Nodes;
using Tuna.Testing;

namespace Tuna.Tokenizers.Tests.Json;

/// <summary>
/// What tokenizer.json may ask for, what it may not, and what is said then. Each test has its story: ids changed in silence before.
/// </summary>
public class TokenizerJsonTests
{
    private static string Bytes => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "gpt_neox.tokenizer.json"));

    [Theory]
    // The field, its value, and what the message must name.
    [InlineData("normalizer", """{"type":"Unheard"}""", "normalizer Unheard")]
    [InlineData("normalizer", """{"type":"NFC","strength":2}""", "'strength'")]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"BertNormalizer"}]}""", "normalizers[1]")]
    [InlineData("pre_tokenizer", """{"type":"UnicodeScripts"}""", "UnicodeScripts")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"String":"a"},"behavior":"Kept","invert":false}""", "'Kept'")]
    [InlineData("pre_tokenizer", """{"type":"Digits","individual_digits":true,"roman":true}""", "'roman'")]
    [InlineData("pre_tokenizer", """{"type":"Metaspace","replacement":"_","prepend_scheme":"maybe"}""", "'maybe'")]
    [InlineData("decoder", """{"type":"CTC","pad_token":"x"}""", "decoder CTC")]
    [InlineData("post_processor", """{"type":"Unheard"}""", "post-processor Unheard")]
    [InlineData("truncation", """{"max_length":512}""", "'truncation'")]
    [InlineData("padding", """{"strategy":"BatchLongest"}""", "'padding'")]
    [InlineData("extension", "1", "'extension'")]
    [InlineData("version", "\"2.0\"", "'2.0'")]
    public void Load_ComponentOrFieldThatIsNotKnown_IsRefusedByName(string field, string value, string expected)
    {
        using var folder = new TemporaryFolder();
        JsonNode json = JsonNode.Parse(Bytes)!;
        json[field] = JsonNode.Parse(value);
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => Load(folder, json));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
        Assert.Contains("tokenizer.json", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("dropout", "0.1", "dropout")]
    [InlineData("type", "\"WordPiece\"", "WordPiece")]
    [InlineData("max_input_chars_per_word", "100", "max_input_chars_per_word")]
    public void Load_ModelSettingThatIsNotKnown_IsRefusedByName(string field, string value, string expected)
    {
        using var folder = new TemporaryFolder();
        JsonNode json = JsonNode.Parse(Bytes)!;
        json["model"]![field] = JsonNode.Parse(value);
        Assert.Contains(expected, Assert.Throws<NotSupportedException>(() => Load(folder, json)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(a+)+$")]
    [InlineData("(a*)*b")]
    [InlineData("(?:a|aa)+$")]
    [InlineData("(x{1,40}){1,40}y")]
    [InlineData("a++b|(?:\\s+\\S?)*z")]
    public void Load_PatternThatRepeatsRepeats_IsRefusedInsteadOfHanging(string pattern)
    {
        NotSupportedException e = Assert.Throws<NotSupportedException>(() => LoadSplit(pattern));
        Assert.Contains(pattern, e.Message, StringComparison.Ordinal);
        Assert.Contains("pretokenizers[0]", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\\p{Han}+", "'Han'")]
    [InlineData("(a)\\1", "'\\1'")]
    [InlineData("[a-z&&[^e]]", "'&&'")]
    [InlineData("[[:alpha:]]", "'[:'")]
    [InlineData("a{2}{3}", "quantifier of a quantifier")]
    [InlineData("(?i:\u00e9)", "beyond ASCII")]
    [InlineData("(?i:strasse)", "one character")]
    [InlineData("(?x: a )", "'(?x'")]
    [InlineData("\U0001F600+", "above U+FFFF")]
    [InlineData("a{1,5000}", "1000")]
    public void Load_PatternThatIsNotSupported_IsRefusedByName(string pattern, string expected) =>
        Assert.Contains(expected, Assert.Throws<NotSupportedException>(() => LoadSplit(pattern)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("(a")]
    [InlineData("a)")]
    [InlineData("[a")]
    [InlineData("*a")]
    [InlineData("a\\")]
    public void Load_NoRegularExpression_IsInvalidData(string pattern) => Assert.Throws<InvalidDataException>(() => LoadSplit(pattern));

    [Theory]
    [InlineData(-7)]
    [InlineData(int.MaxValue)] // the vocabulary had 7 ids: the size overflowed
    [InlineData(0)] // the id of another piece
    public void Load_IdThatCannotBe_NamesThePiece(int id)
    {
        using var folder = new TemporaryFolder();
        JsonNode json = JsonNode.Parse(Bytes)!;
        json["model"]!["vocab"]!["zz"] = id;
        Assert.Contains("'zz'", Assert.Throws<InvalidDataException>(() => Load(folder, json)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(-7)]
    [InlineData(int.MaxValue)]
    [InlineData(78)] // a piece's id: "Hello" was decoded as "Heo"
    public void Load_AddedTokenWithAnIdThatIsNotItsOwn_NamesTheToken(int id)
    {
        using var folder = new TemporaryFolder();
        JsonNode json = JsonNode.Parse(Bytes)!;
        json["added_tokens"]!.AsArray().Add(new JsonObject { ["id"] = id, ["content"] = "<x>", ["special"] = true });
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => Load(folder, json));
        Assert.Contains("added_tokens[", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_AddedTokenOfTheConfigurationWithAPiecesId_NamesBoth()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", Bytes);
        int l = HuggingFaceTokenizer.LoadFile(folder.File("tokenizer.json")).IdOf("l")!.Value;
        folder.Write("tokenizer_config.json", $$$$"""{"added_tokens_decoder":{"{{{{l}}}}":{"content":"<|pad|>","special":true}}}""");
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => HuggingFaceTokenizer.Load(folder.Path));
        Assert.Contains("'<|pad|>'", e.Message, StringComparison.Ordinal);
        Assert.Contains("'l'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_ReservedPieceRenamedByTheConfiguration_HasTheNewName()
    {
        // As InternLM2's configuration renames [UNUSED_TOKEN_145]: no merge leads to it, so no text can become it.
        using var folder = new TemporaryFolder();
        JsonNode json = JsonNode.Parse(Bytes)!;
        JsonObject vocabulary = json["model"]!["vocab"]!.AsObject();
        int id = json["added_tokens"]!.AsArray().Max(t => t!["id"]!.GetValue<int>()) + 1;
        json["added_tokens"]!.AsArray().Clear();
        vocabulary["[UNUSED_7]"] = id;
        folder.Write("tokenizer_config.json",
            $$$$"""{"eos_token":"<|im_end|>","added_tokens_decoder":{"{{{{id}}}}":{"content":"<|im_end|>","special":true}}}""");
        HuggingFaceTokenizer tokenizer = Load(folder, json, inFolder: true);
        Assert.Equal(id, tokenizer.EosId);
        Assert.Equal("<|im_end|>", tokenizer.TokenOf(id));
    }

    [Fact]
    public void Load_SentencePieceByteThatIsNone_NamesThePiece()
    {
        using var folder = new TemporaryFolder();
        byte[] model = File.ReadAllBytes(GoldenData.FilePath("tokenizers", "spm_bpe.model"));
        int at = model.AsSpan().IndexOf("<0x41>"u8);
        "<0xZZ>"u8.CopyTo(model.AsSpan(at));
        File.WriteAllBytes(folder.File("tokenizer.model"), model);
        Assert.Contains("<0xZZ>", Assert.Throws<InvalidDataException>(() => HuggingFaceTokenizer.Load(folder.Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Load_EmptyNamesInTheConfiguration_AreNotGiven()
    {
        // Old conversions of LLaMA 1 wrote "bos_token": "" and "eos_token": "": the model file's own tokens hold.
        using var folder = new TemporaryFolder();
        File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), folder.File("tokenizer.model"));
        folder.Write("tokenizer_config.json", """{"bos_token":"","eos_token":"","tokenizer_class":"LLaMATokenizer","unk_token":""}""");
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        HuggingFaceTokenizer alone = HuggingFaceTokenizer.LoadFile(folder.File("tokenizer.model"));
        Assert.Equal((alone.BosId, alone.EosId), (tokenizer.BosId, tokenizer.EosId));
    }

    [Theory]
    // A bos_token is a name; the post-processor, the class or add_bos_token puts it before a text.
    [InlineData("gpt_neox", """{"bos_token":"<|endoftext|>","eos_token":"<|endoftext|>","tokenizer_class":"GPT2Tokenizer"}""", null)]
    [InlineData("gpt_neox", """{"bos_token":"<|endoftext|>","eos_token":"<|endoftext|>","tokenizer_class":"LlamaTokenizerFast"}""", 0)]
    [InlineData("gpt_neox", """{"bos_token":"<|endoftext|>","eos_token":"<|endoftext|>","add_bos_token":true}""", 0)]
    [InlineData("gpt_neox", """{"eos_token":"<|endoftext|>"}""", null)]
    [InlineData("tinyllama", """{"bos_token":"<s>","eos_token":"</s>"}""", 1)]
    [InlineData("tinyllama", """{"bos_token":"<s>","eos_token":"</s>","add_bos_token":false}""", null)]
    [InlineData("tinyllama", """{"bos_token":null,"eos_token":"</s>"}""", null)]
    [InlineData("tinyllama", """{"eos_token":"</s>"}""", 1)]
    public void BosId_FollowsThePostProcessorAndTheClass(string family, string config, int? expected)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", family + ".tokenizer.json")));
        folder.Write("tokenizer_config.json", config);
        Assert.Equal(expected, HuggingFaceTokenizer.Load(folder.Path).BosId);
    }

    [Fact]
    public void Load_TwoTokensBeforeAText_AreRefusedUnlessOneIsChosen()
    {
        using var folder = new TemporaryFolder();
        JsonNode json = JsonNode.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Data", "tinyllama.tokenizer.json")))!;
        json["post_processor"]!["single"]!.AsArray().Insert(0, JsonNode.Parse("""{"SpecialToken":{"id":"<s>","type_id":0}}"""));
        folder.Write("tokenizer.json", json.ToJsonString());
        Assert.Contains("2 tokens", Assert.Throws<NotSupportedException>(() => HuggingFaceTokenizer.Load(folder.Path)).Message,
            StringComparison.Ordinal);
        Assert.Null(HuggingFaceTokenizer.Load(folder.Path, new() { BosToken = "" }).BosId);
    }

    [Theory]
    [InlineData("gpt_neox")]
    [InlineData("phi")]
    [InlineData("smollm2")]
    public void Encode_OfJoinedWords_IsTheWordsIdsJoined(string family)
    {
        // A byte-level tokenizer cuts before a word's space, so words can be encoded apart.
        HuggingFaceTokenizer tokenizer =
            HuggingFaceTokenizer.LoadFile(Path.Combine(AppContext.BaseDirectory, "Data", family + ".tokenizer.json"));
        string[] words = ["The", " tuner", " ranks", " 12", " na\u00efve", " \u4f60\u597d", " answers", "!"];
        Assert.Equal(tokenizer.Encode(string.Concat(words)), words.SelectMany(tokenizer.Encode));
        Assert.Equal(string.Concat(words), tokenizer.Decode(tokenizer.Encode(string.Concat(words))));
    }

    private static void LoadSplit(string pattern)
    {
        using var folder = new TemporaryFolder();
        JsonNode json = JsonNode.Parse(Bytes)!;
        var split = new JsonObject
        {
            ["type"] = "Split",
            ["pattern"] = new JsonObject { ["Regex"] = pattern },
            ["behavior"] = "Isolated",
            ["invert"] = false,
        };
        json["pre_tokenizer"] = new JsonObject { ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(split, json["pre_tokenizer"]!.DeepClone()) };
        Load(folder, json);
    }

    private static HuggingFaceTokenizer Load(TemporaryFolder folder, JsonNode json, bool inFolder = false)
    {
        string path = folder.Write("tokenizer.json", json.ToJsonString());
        return inFolder ? HuggingFaceTokenizer.Load(folder.Path) : HuggingFaceTokenizer.LoadFile(path);
    }
}
