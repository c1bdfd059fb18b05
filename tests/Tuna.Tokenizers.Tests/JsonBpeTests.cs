using System.Text.Json;
using System.Text.Json.Nodes;

namespace Tuna.Tokenizers.Tests;

/// <summary>
/// SentencePiece-style tokenizer.json files against ids and texts of Hugging Face tokenizers (Data/sentencepiece_style.json says which
/// version made them).
/// </summary>
public class JsonBpeTests
{
    private static JsonElement Data
    {
        get
        {
            using JsonDocument document =
                JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Data", "sentencepiece_style.json")));
            return document.RootElement.Clone();
        }
    }

    [Theory]
    [InlineData("prepend")]
    [InlineData("metaspace_first")]
    [InlineData("metaspace_split")]
    [InlineData("metaspace_never")]
    public void EncodeAndDecode_EverySpaceRule_EqualTokenizers(string variant)
    {
        using var folder = new TemporaryFolder();
        JsonElement expected = Data.GetProperty("variants").GetProperty(variant);
        HuggingFaceTokenizer tokenizer = Load(folder, expected);
        Cases.Each(expected.GetProperty("cases"), c =>
        {
            Assert.Equal(Cases.Ids(c, "ids"), tokenizer.EncodeWithSpecialTokens(Cases.Text(c)));
            CheckDecoding(tokenizer, c);
        });
        Cases.Each(expected.GetProperty("decode_cases"), c => CheckDecoding(tokenizer, c));
    }

    [Fact]
    public void Encode_SpecialTokenInText_IsText()
    {
        using var folder = new TemporaryFolder();
        HuggingFaceTokenizer tokenizer = Load(folder, Data.GetProperty("variants").GetProperty("prepend"));
        int start = tokenizer.IdOf("<|im_start|>")!.Value;
        int tool = tokenizer.IdOf("<tool>")!.Value;
        int[] ids = tokenizer.Encode("x<|im_start|>y<tool>");
        Assert.DoesNotContain(start, ids);
        Assert.Contains(tool, ids); // an added word that is not special is always itself
        Assert.Contains(start, tokenizer.ForChatPrompts.Encode("<|im_start|>x<|im_start|>y"));
        Assert.DoesNotContain(start, tokenizer.ForChatPrompts.Encode("x<|im_start|>y")); // a response
    }

    private static void CheckDecoding(HuggingFaceTokenizer tokenizer, JsonElement c)
    {
        Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(Cases.Ids(c, "ids")));
        Assert.Equal(c.GetProperty("decoded_with_special_tokens").GetString(), tokenizer.DecodeWithSpecialTokens(Cases.Ids(c, "ids")));
    }

    private static HuggingFaceTokenizer Load(TemporaryFolder folder, JsonElement variant)
    {
        JsonNode json = JsonNode.Parse(Data.GetProperty("tokenizer").GetRawText())!;
        json["normalizer"] = JsonNode.Parse(variant.GetProperty("normalizer").GetRawText());
        json["pre_tokenizer"] = JsonNode.Parse(variant.GetProperty("pre_tokenizer").GetRawText());
        folder.Write("tokenizer.json", json.ToJsonString());
        folder.Write("tokenizer_config.json", """{ "bos_token": { "content": "<s>" }, "eos_token": "</s>" }""");
        return HuggingFaceTokenizer.Load(folder.Path);
    }
}
