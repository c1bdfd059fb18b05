using Tuna.Testing;
using Tuna.Tokenization;
using Tuna.Data.Groups;

namespace Tuna.Tokenizers.Tests;

public class TokenizerFitTests
{
    [Fact]
    public void RequireFit_WordBeyondTheModel_NamesIt()
    {
        using TemporaryFolder folder = Pieces(out int pieces);
        folder.Write("added_tokens.json", $$"""{"zebra": {{pieces}}}""");
        foreach (ITokenizer tokenizer in new[] { HuggingFaceTokenizer.Load(folder.Path),
            HuggingFaceTokenizer.Load(folder.Path).ForChatPrompts })
        {
            InvalidDataException e = Assert.Throws<InvalidDataException>(() => tokenizer.RequireFit(pieces, "padded"));
            Assert.Contains($"'zebra' ({pieces})", e.Message, StringComparison.Ordinal);
            tokenizer.RequireFit(pieces + 1, "padded");
        }
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"pad_token": "<pad>"}""")]
    [InlineData("special_tokens_map.json", """{"pad_token": {"content": "<pad>"}}""")]
    [InlineData("special_tokens_map.json", """{"additional_special_tokens": ["<pad>"]}""")]
    public void Load_PadTokenBeyondTheModel_IsLeftOut(string file, string names)
    {
        // As many fine-tuned folders have it: added_tokens.json names <pad> with the first id that the model does not have.
        using TemporaryFolder folder = Pieces(out int pieces);
        int[] plain = HuggingFaceTokenizer.Load(folder.Path).Encode("a <pad> b");
        folder.Write("added_tokens.json", $$"""{"<pad>": {{pieces}}}""");
        folder.Write(file, names);
        folder.Write("config.json", $$"""{"vocab_size": {{pieces}}}""");

        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Load(folder.Path);

        Assert.Equal(pieces, tokenizer.VocabularySize);
        Assert.Equal(plain, tokenizer.Encode("a <pad> b"));
        Assert.Equal(plain, tokenizer.EncodeWithSpecialTokens("a <pad> b"));
        tokenizer.RequireFit(pieces, "padded");
        folder.Write("config.json", $$"""{"vocab_size": {{pieces + 1}}}""");
        Assert.Equal(pieces + 1, HuggingFaceTokenizer.Load(folder.Path).VocabularySize);
    }

    [Fact]
    public void Load_EndTokenBeyondTheModel_SaysThatTheModelHasNoRowForIt()
    {
        using TemporaryFolder folder = Pieces(out int pieces);
        folder.Write("added_tokens.json", $$"""{"<|im_end|>": {{pieces}}}""");
        folder.Write("tokenizer_config.json", """{"eos_token": "<|im_end|>"}""");
        folder.Write("config.json", $$"""{"vocab_size": {{pieces}}}""");

        InvalidDataException e = Assert.Throws<InvalidDataException>(() => HuggingFaceTokenizer.Load(folder.Path));

        Assert.Contains($"'<|im_end|>' lies beyond the {pieces} ids of the model", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RequireFit_OtherVocabulary_SaysThatTheyDoNotBelongTogether()
    {
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => ByteTokenizer.Instance.RequireFit(100, "small"));
        Assert.Contains("do not belong together", e.Message, StringComparison.Ordinal);
    }

    private static TemporaryFolder Pieces(out int pieces)
    {
        var folder = new TemporaryFolder();
        File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), folder.File("tokenizer.model"));
        pieces = HuggingFaceTokenizer.Load(folder.Path).VocabularySize;
        return folder;
    }
}
