using System.Text.Json;
using Tuna.Testing;

namespace Tuna.Tokenizers.Tests;

/// <summary>Ids and texts of Hugging Face tokenizers for byte-level BPE with LLaMA 3's pre-tokenizer.</summary>
public class ByteLevelGoldenTests
{
    private static readonly HuggingFaceTokenizerOptions Eot = new() { EosToken = "<|eot_id|>" };

    private static HuggingFaceTokenizer Load() =>
        HuggingFaceTokenizer.LoadFile(GoldenData.FilePath("tokenizers", "bytelevel_bpe.tokenizer.json"), Eot);

    private static JsonElement Golden => GoldenData.Json("tokenizers", "bytelevel_bpe.json");

    [Fact]
    public void EncodeWithSpecialTokens_EveryCase_GivesTokenizersIdsAndTokens()
    {
        HuggingFaceTokenizer tokenizer = Load();
        Assert.Equal(Golden.GetProperty("vocab_size").GetInt32(), tokenizer.VocabularySize);
        Cases.Each(Golden.GetProperty("encode_cases"), c =>
        {
            int[] ids = tokenizer.EncodeWithSpecialTokens(Cases.Text(c));
            Assert.Equal(Cases.Ids(c, "ids"), ids);
            Assert.Equal(Cases.Ids(c, "ids_with_special_tokens"), ids.Prepend(tokenizer.BosId!.Value));
            Assert.Equal(c.GetProperty("tokens").EnumerateArray().Select(t => t.GetString()), ids.Select(tokenizer.TokenOf));
        });
    }

    [Theory]
    [InlineData("encode_cases", "ids_with_special_tokens")]
    [InlineData("decode_cases", "ids")]
    public void Decode_EveryCase_GivesTokenizersText(string cases, string ids)
    {
        HuggingFaceTokenizer tokenizer = Load();
        Cases.Each(Golden.GetProperty(cases), c =>
        {
            Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(Cases.Ids(c, ids)));
            Assert.Equal(c.GetProperty("decoded_with_special_tokens").GetString(), tokenizer.DecodeWithSpecialTokens(Cases.Ids(c, ids)));
        });
    }

    [Fact]
    public void Load_SameVocabularyAsTiktokenRanks_GivesTheSameIds()
    {
        using var folder = new TemporaryFolder();
        string ranks = folder.File("tokenizer.model");
        HuggingFaceTokenizer json = Load();
        int[] special = [.. json.AddedTokens.Keys];
        File.WriteAllLines(ranks, Enumerable.Range(0, json.VocabularySize - special.Length)
            .Select(id => $"{Convert.ToBase64String(ByteLevelBytes(json.TokenOf(id)!))} {id}"));
        HuggingFaceTokenizer tiktoken = HuggingFaceTokenizer.LoadFile(ranks, Eot with { SpecialTokens = [.. json.AddedTokens.Values] });

        Assert.Equal(json.VocabularySize, tiktoken.VocabularySize);
        Assert.Equal(json.BosId, tiktoken.BosId);
        Cases.Each(Golden.GetProperty("encode_cases"),
            c => Assert.Equal(Cases.Ids(c, "ids"), tiktoken.EncodeWithSpecialTokens(Cases.Text(c))));
        Cases.Each(Golden.GetProperty("decode_cases"),
            c => Assert.Equal(c.GetProperty("decoded").GetString(), tiktoken.Decode(Cases.Ids(c, "ids"))));
    }

    private static byte[] ByteLevelBytes(string piece)
    {
        var bytes = new List<byte>();
        ByteLevel.ByteLevelAlphabet.AddBytes(piece, bytes);
        return [.. bytes];
    }
}
