using Tuna.Numerics;
using Tuna.Testing;

namespace Tuna.Tokenizers.Tests;

/// <summary>Damaged tokenizers are refused by name, or encode and decode without another exception, with ids of their own
/// vocabulary.</summary>
public sealed class TokenizerFuzzTests : IDisposable
{
    private const string Text = "Say the number 7,  é\u4e2d\U0001F41F <s> it's\n\tok";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string, int> Files => new()
    {
        { "Data", "gpt_neox.tokenizer.json", 500 },
        { "Data", "smollm2.tokenizer.json", 500 },
        { "Data", "tinyllama.tokenizer.json", 500 },
        { "Data", "unigram.tokenizer.json", 500 },
        { "golden", "bytelevel_bpe.tokenizer.json", 150 },
        { "golden", "spm_bpe.model", 400 },
        { "golden", "spm_unigram.model", 400 },
    };

    [Theory]
    [MemberData(nameof(Files))]
    public void Load_DamagedFile_IsRefusedByNameOrWorks(string from, string name, int inputs)
    {
        string path = _folder.File(name);
        byte[] whole = File.ReadAllBytes(from == "golden"
            ? GoldenData.FilePath("tokenizers", name) : Path.Combine(AppContext.BaseDirectory, from, name));
        (_, int refused) = Fuzzing.Run(whole, inputs, Rng.Derive(0, name), path, input =>
        {
            File.WriteAllBytes(path, input);
            Use(HuggingFaceTokenizer.LoadFile(path));
        }, typeof(InvalidDataException), typeof(NotSupportedException));
        Assert.True(refused > inputs / 20, $"{refused} refused");
    }

    [Fact]
    public void Load_DamagedSettingsBesideIt_AreRefusedByNameOrWork()
    {
        const string settings = """
            {"add_bos_token": true, "bos_token": {"content": "<s>", "special": true}, "eos_token": "</s>",
            "added_tokens_decoder": {"0": {"content": "<unk>", "special": true, "normalized": false, "lstrip": false},
            "1": {"content": "<s>", "special": true}, "2": {"content": "</s>", "special": true, "rstrip": true}},
            "model_max_length": 1000000000000000019884624838656, "tokenizer_class": "LlamaTokenizer"}
            """;
        File.Copy(GoldenData.FilePath("tokenizers", "spm_bpe.model"), _folder.File("tokenizer.model"));
        string path = _folder.File("tokenizer_config.json");
        (int taken, int refused) = Fuzzing.Run(System.Text.Encoding.UTF8.GetBytes(settings), 1500, 9, _folder.Path, input =>
        {
            File.WriteAllBytes(path, input);
            Use(HuggingFaceTokenizer.Load(_folder.Path));
        }, typeof(InvalidDataException), typeof(NotSupportedException));
        Assert.True(taken > 100 && refused > 100, $"{taken} taken, {refused} refused");
    }

    private static void Use(HuggingFaceTokenizer tokenizer)
    {
        int[] ids = tokenizer.Encode(Text);
        Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.VocabularySize - 1));
        tokenizer.Decode(ids);
        Assert.InRange(tokenizer.EosId, 0, tokenizer.VocabularySize - 1);
    }
}
