using FsCheck;
using FsCheck.Fluent;
using Tuna.Testing;
using Tuna.Tokenizers.ByteLevel;
using Tuna.Tokenizers.PreTokenizers;

namespace Tuna.Tokenizers.Tests;

public class HuggingFaceTokenizerTests
{
    [Fact]
    public void Load_NoTokenizerInFolder_NamesTheFolder()
    {
        using var folder = new TemporaryFolder();
        FileNotFoundException e = Assert.Throws<FileNotFoundException>(() => HuggingFaceTokenizer.Load(folder.Path));
        Assert.Contains(folder.Path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_EveryTruncationOfASentencePieceModel_IsAnInvalidDataException()
    {
        using var folder = new TemporaryFolder();
        byte[] model = File.ReadAllBytes(GoldenData.FilePath("tokenizers", "spm_bpe.model"));
        for (int length = 3; length < model.Length; length += 97)
        {
            File.WriteAllBytes(folder.File("tokenizer.model"), model[..length]);
            Exception? e = Record.Exception(() => HuggingFaceTokenizer.Load(folder.Path));
            Assert.True(e is InvalidDataException, $"{length} bytes: {e}");
        }
    }

    [Theory]
    [InlineData("{", "tokenizer.json")]
    [InlineData("{ \"model\": { \"type\": \"BPE\", \"vocab\": { \"a\": 0 }, \"merges\": [[\"a\", \"b\"]] } }", "merge 0")]
    [InlineData("{ \"model\": { \"type\": \"BPE\", \"vocab\": { \"a\": 0 }, \"merges\": [], \"byte_fallback\": true } }", "<0x00>")]
    [InlineData("{ \"model\": { \"type\": \"BPE\", \"vocab\": { \"a\": 0 }, \"merges\": [] } }", "ends a response")]
    public void Load_DamagedTokenizerJson_SaysWhatIsWrong(string json, string expected)
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.json", json);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => HuggingFaceTokenizer.Load(folder.Path));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("IQ== 0\nIg== 2\n", "ranks")]
    [InlineData("IQ== 0\nnot base64!\n", "line 2")]
    public void Load_DamagedTiktokenRanks_NamesTheLine(string ranks, string expected)
    {
        using var folder = new TemporaryFolder();
        folder.Write("x.tiktoken", ranks);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => HuggingFaceTokenizer.Load(folder.Path));
        Assert.Contains(expected, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_AddedTokensBesideASentencePieceModel_AreTokens()
    {
        using var folder = new TemporaryFolder();
        File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), folder.File("tokenizer.model"));
        folder.Write("tokenizer_config.json", """
            { "bos_token": "<s>", "eos_token": "<|im_end|>", "add_bos_token": false,
              "added_tokens_decoder": { "608": { "content": "<|im_end|>", "special": true }, "2": { "content": "</s>", "special": true } } }
            """);
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        Assert.Equal((609, (int?)null, 608), (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId));
        Assert.Equal(608, tokenizer.EncodeWithSpecialTokens("one<|im_end|>")[^1]);
        Assert.NotEqual(608, tokenizer.Encode("one<|im_end|>")[^1]);
        Assert.Equal("one", tokenizer.Decode(tokenizer.EncodeWithSpecialTokens("one<|im_end|>")));
    }

    [Fact]
    public void Load_TiktokenRanksAlone_HaveLlama3sSpecialTokens()
    {
        using var folder = new TemporaryFolder();
        folder.Write("tokenizer.model",
            string.Join('\n', Enumerable.Range(0, 256).Select(b => $"{Convert.ToBase64String([(byte)b])} {b}")));
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        Assert.Equal((512, 256, 256 + 9), (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId));
        Assert.Equal("<|reserved_special_token_247|>", tokenizer.TokenOf(511)); // as in Meta's file for 3.1
        Assert.Equal("\u00E9\U0001F600", tokenizer.Decode(tokenizer.Encode("\u00E9\U0001F600")));
    }

    [Theory]
    // Word boundaries in code points, from Hugging Face tokenizers: characters above U+FFFF belong to words as their category says.
    [InlineData("\U0001F600abc", 4)]
    [InlineData("a\U0001D400b", 3)]
    [InlineData("\U0001D7D8\U0001D7D9\U0001D7DA\U0001D7DB1", 3, 2)]
    [InlineData(" \U0001F600\U0001F601\n\n x", 5, 2)]
    [InlineData(" \U00010330\U00010331s", 4)]
    [InlineData("'S'LL it's", 2, 3, 3, 2)]
    public void PreTokenize_CharactersBeyondTheBmp_AreCutAsCodePoints(string text, params int[] lengths)
    {
        int[] words = [.. new CodePointPreTokenizer(TextPattern.OfRegex(Patterns.Llama3, "test")).PreTokenize(text)
            .Select(w => text.Substring(w.Offset, w.Length).EnumerateRunes().Count())];
        Assert.Equal(lengths, words);
    }

    [Theory]
    [InlineData("spm_bpe.model")]
    [InlineData("bytelevel_bpe.tokenizer.json")]
    public void Decode_OfEncodedText_IsTheText(string file)
    {
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.LoadFile(GoldenData.FilePath("tokenizers", file));
        Prop.ForAll(ArbMap.Default.ArbFor<string>(), text =>
        {
            string wellFormed = Utf8Bytes.WellFormed(text ?? "");
            // U+2581 is how SentencePiece writes a space: the two cannot be told apart.
            return wellFormed.Contains('\u2581', StringComparison.Ordinal) || tokenizer.Decode(tokenizer.Encode(wellFormed)) == wellFormed;
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Decode_IdOutsideTheVocabulary_Throws()
    {
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.LoadFile(GoldenData.FilePath("tokenizers", "spm_bpe.model"));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([tokenizer.VocabularySize]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([-1]));
    }

    [Fact]
    public void Encode_LoneSurrogate_IsTheReplacementCharacter()
    {
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.LoadFile(GoldenData.FilePath("tokenizers", "bytelevel_bpe.tokenizer.json"));
        Assert.Equal("a\uFFFDb", tokenizer.Decode(tokenizer.Encode("a\uD800b")));
    }
}
