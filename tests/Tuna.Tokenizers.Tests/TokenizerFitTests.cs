using Tuna.Testing;
using Tuna.Tokenization;

namespace Tuna.Tokenizers.Tests;

public class TokenizerFitTests
{
    [Fact]
    public void RequireFit_PadTokenBeyondTheModel_NamesIt()
    {
        // As many fine-tuned folders have it: added_tokens.json names <pad> with the first id that the model does not have.
        using var folder = new TemporaryFolder();
        File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), folder.File("tokenizer.model"));
        int pieces = HuggingFaceTokenizer.Load(folder.Path).VocabularySize;
        folder.Write("added_tokens.json", $$"""{"<pad>": {{pieces}}}""");
        HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.Load(folder.Path);
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => tokenizer.RequireFit(pieces, "padded"));
        Assert.Contains($"'<pad>' ({pieces})", e.Message, StringComparison.Ordinal);
        tokenizer.RequireFit(pieces + 1, "padded");
    }

    [Fact]
    public void RequireFit_OtherVocabulary_SaysThatTheyDoNotBelongTogether()
    {
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => ByteTokenizer.Instance.RequireFit(100, "small"));
        Assert.Contains("do not belong together", e.Message, StringComparison.Ordinal);
    }
}
