using System.Text.Json;

namespace Tuna.Testing;

/// <summary>Where the golden files are: the folder in TUNA_GOLDEN when it is set, tests/golden otherwise. Both have the same
/// layout.</summary>
internal static class GoldenData
{
    public static string Root { get; } = Environment.GetEnvironmentVariable("TUNA_GOLDEN") is { Length: > 0 } folder
        ? folder : Path.Combine(TestsFolder(), "golden");

    public static string FilePath(params string[] parts) => Path.Combine([Root, .. parts]);

    public static JsonElement Json(params string[] parts)
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(FilePath(parts)));
        return document.RootElement.Clone();
    }

    /// <summary>The folder tests/, found from where the tests run: in deterministic builds the compiler does not know the real path of a
    /// source file.</summary>
    public static string TestsFolder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Tuna.sln")))
                return Path.Combine(folder.FullName, "tests");
        }

        throw new DirectoryNotFoundException($"{AppContext.BaseDirectory} is not inside a checkout that has a Tuna.sln.");
    }
}
