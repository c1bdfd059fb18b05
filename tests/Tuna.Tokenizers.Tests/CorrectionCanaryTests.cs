using System.Text.Json;
using Microsoft.ML.Tokenizers;
using Tuna.Testing;

namespace Tuna.Tokenizers.Tests;

/// <summary>
/// Says when our own SentencePiece code is no longer needed. Each test counts the golden cases in which Microsoft.ML.Tokenizers differs
/// from
/// SentencePiece; one that fails has become unnecessary, and when all of them fail the folder src/Tuna.Tokenizers/SentencePiece can go.
/// </summary>
public class CorrectionCanaryTests
{
    private const string Corrected = "Microsoft.ML.Tokenizers now agrees with SentencePiece here: ";

    private static readonly string[] Repeated = ["  ", "-----", "aaaa", "    int"];

    [Fact]
    public void Library_RepeatedRuns_StillMergesEqualScoresRightmostFirst()
    {
        SentencePieceTokenizer library = Open("spm_bpe");
        HuggingFaceTokenizer ours = HuggingFaceTokenizer.LoadFile(GoldenData.FilePath("tokenizers", "spm_bpe.model"));
        int different = Repeated.Count(text => !library.EncodeToIds(text, false, false).SequenceEqual(ours.Encode(text)));
        Assert.True(different > 0, Corrected + "merges of equal score. See BpeSegmenter.");
        Assert.True(EncodingErrors("spm_bpe") > 0, Corrected + "BPE encoding. See BpeSegmenter.");
    }

    [Fact]
    public void Library_Unigram_StillDiffersInEncoding() =>
        Assert.True(EncodingErrors("spm_unigram") > 0, Corrected + "unigram encoding (runs of unknown characters). See UnigramSegmenter.");

    [Theory]
    [InlineData("spm_bpe")]
    [InlineData("spm_unigram")]
    public void Library_Decoding_StillDiffers(string name)
    {
        SentencePieceTokenizer library = Open(name);
        JsonElement golden = GoldenData.Json("tokenizers", name + ".json");
        int errors = Count(golden.GetProperty("decode_cases"),
            c => library.Decode(Cases.Ids(c, "ids")) == c.GetProperty("decoded").GetString());
        Assert.True(errors > 0, Corrected + "decoding. See SentencePieceModel.Decode.");
    }

    private static int EncodingErrors(string name)
    {
        SentencePieceTokenizer library = Open(name);
        return Count(GoldenData.Json("tokenizers", name + ".json").GetProperty("encode_cases"),
            c => library.EncodeToIds(Cases.Text(c), false, false).SequenceEqual(Cases.Ids(c, "ids")));
    }

    private static int Count(JsonElement cases, Func<JsonElement, bool> right) => cases.EnumerateArray().Count(c => !right(c));

    private static SentencePieceTokenizer Open(string name)
    {
        using FileStream stream = File.OpenRead(GoldenData.FilePath("tokenizers", name + ".model"));
        return SentencePieceTokenizer.Create(stream, false, false);
    }
}
