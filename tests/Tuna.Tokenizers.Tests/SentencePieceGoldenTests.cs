using System.Text.Json;
using Tuna.Testing;

namespace Tuna.Tokenizers.Tests;

/// <summary>
/// Ids and texts of SentencePiece itself, on models trained for the purpose and on a real LLaMA tokenizer where it is at hand.
/// </summary>
public class SentencePieceGoldenTests
{
    [Theory]
    [InlineData("spm_bpe")]
    [InlineData("spm_unigram")]
    public void Encode_EveryCase_GivesSentencePiecesIdsAndPieces(string name)
    {
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.LoadFile(GoldenData.FilePath("tokenizers", name + ".model"));
        JsonElement golden = GoldenData.Json("tokenizers", name + ".json");
        Assert.Equal(golden.GetProperty("vocab_size").GetInt32(), tokenizer.VocabularySize);
        Assert.Equal(golden.GetProperty("bos_id").GetInt32(), tokenizer.BosId);
        Assert.Equal(golden.GetProperty("eos_id").GetInt32(), tokenizer.EosId);
        Cases.Each(golden.GetProperty("encode_cases"), c =>
        {
            // Two segmentations that score within 1e-4 of each other may swap with the order of the additions.
            if (c.TryGetProperty("near_tie", out JsonElement nearTie) && nearTie.GetBoolean())
                return;
            int[] ids = tokenizer.Encode(Cases.Text(c));
            Assert.Equal(Cases.Ids(c, "ids"), ids);
            string?[] pieces = [.. c.GetProperty("pieces").EnumerateArray().Select(p => p.GetString())];
            Assert.Equal(pieces, ids.Select(tokenizer.TokenOf));
        });
    }

    [Theory]
    [InlineData("spm_bpe")]
    [InlineData("spm_unigram")]
    public void Decode_EveryCase_GivesSentencePiecesText(string name)
    {
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.LoadFile(GoldenData.FilePath("tokenizers", name + ".model"));
        JsonElement golden = GoldenData.Json("tokenizers", name + ".json");
        Cases.Each(golden.GetProperty("encode_cases"),
            c => Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(Cases.Ids(c, "ids"))));
        Cases.Each(golden.GetProperty("decode_cases"),
            c => Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(Cases.Ids(c, "ids"))));
    }

    [SkippableFact]
    public void EncodeAndDecode_RealLlama2Tokenizer_EqualSentencePiece()
    {
        string model = GoldenData.FilePath("..", "data", "llama2_tokenizer.model");
        string cases = GoldenData.FilePath("tokenizers", "llama2.json");
        Skip.IfNot(File.Exists(model)
            && File.Exists(cases),
            "The real LLaMA 2 tokenizer may not be redistributed: set TUNA_GOLDEN to a folder with tokenizers/llama2.json and "
            + "../data/llama2_tokenizer.model.");
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.LoadFile(model);
        Assert.Equal((32000, 1, 2), (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId));
        Cases.Each(GoldenData.Json("tokenizers", "llama2.json").GetProperty("cases"), c =>
        {
            Assert.Equal(Cases.Ids(c, "ids"), tokenizer.Encode(Cases.Text(c)));
            Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(Cases.Ids(c, "ids")));
        });
    }
}
