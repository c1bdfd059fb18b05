using System.Reflection;
using Tuna.Package.Tests;
using Tuna.Testing;

namespace Tuna.Tokenizers.Tests;

/// <summary>
/// The public surface changes on purpose only: run once with TUNA_UPDATE_API=1 to accept a change, and review the difference that git
/// shows.
/// </summary>
public class PublicApiTests
{
    [Fact]
    public void PublicSurface_IsTheCheckedInListing()
    {
        string file = Path.Combine(GoldenData.TestsFolder(), "Tuna.Tokenizers.Tests", "PublicApi.txt"),
            actual = ApiListing.Of(Assembly.Load("Tuna.Tokenizers"));
        if (Environment.GetEnvironmentVariable("TUNA_UPDATE_API") == "1")
            File.WriteAllText(file, actual);
        string[] expected = File.ReadAllLines(file), found = actual.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.True(found.SequenceEqual(expected),
            $"New:\n{string.Join('\n', found.Except(expected))}\nGone:\n{string.Join('\n', expected.Except(found))}\nIf that is meant, "
            + $"run once with TUNA_UPDATE_API=1.");
    }

    [Fact]
    public void Options_AreRecordsThatCheckThemselves() => Assert.Empty(Idioms.FaultsOfOptions(Assembly.Load("Tuna.Tokenizers")));
}
