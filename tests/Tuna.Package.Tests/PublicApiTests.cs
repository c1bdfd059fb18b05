using System.Reflection;
using Tuna.Testing;

namespace Tuna.Package.Tests;

/// <summary>
/// The public surface changes on purpose only: it is checked in, and this compares.
/// To accept a change, run the tests once with TUNA_UPDATE_API=1 and review the difference that git shows.
/// </summary>
public sealed class PublicApiTests
{
    internal static readonly string[] PackageNames =
        ["Tuna.Core", "Tuna.Data", "Tuna.Models", "Tuna.Losses", "Tuna.Chat", "Tuna.Rankers", "Tuna.Llama.Managed", "Tuna.Distributed",
        "Tuna.Evaluation", "Tuna.Evaluators"];

    public static TheoryData<string> Packages => new(PackageNames);

    [Theory]
    [MemberData(nameof(Packages))]
    public void PublicSurface_OfPackage_IsTheCheckedInListing(string package)
    {
        string file = Path.Combine(GoldenData.TestsFolder(), "Tuna.Package.Tests", "PublicApi", package + ".txt");
        string actual = ApiListing.Of(Assembly.Load(package));
        if (Environment.GetEnvironmentVariable("TUNA_UPDATE_API") == "1")
            File.WriteAllText(file, actual);
        string[] expected = File.ReadAllLines(file), found = actual.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        string added = string.Join('\n', found.Except(expected)), removed = string.Join('\n', expected.Except(found));
        Assert.True(found.SequenceEqual(expected),
            $"{package}: the public surface has changed.\nNew:\n{added}\nGone:\n{removed}\nIf that is meant, run once with "
            + $"TUNA_UPDATE_API=1.");
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public void Options_OfPackage_AreRecordsThatCheckThemselves(string package) =>
        Assert.Empty(Idioms.FaultsOfOptions(Assembly.Load(package)));

    /// <summary>Nothing above the two engines knows a tensor library, and the engines do not know each other.</summary>
    [Theory]
    [MemberData(nameof(Packages))]
    public void References_OfManagedPackage_HaveNoTensorLibrary(string package)
    {
        IEnumerable<string> references = Assembly.Load(package).GetReferencedAssemblies().Select(a => a.Name!);
        Assert.DoesNotContain(references, r => r is "TorchSharp" or "Tuna.Llama"
            || (r == "Tuna.Llama.Managed" && package != "Tuna.Llama.Managed"));
    }
}
