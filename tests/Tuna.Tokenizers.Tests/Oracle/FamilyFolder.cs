using System.Diagnostics;
using Tuna.Testing;

namespace Tuna.Tokenizers.Tests.Oracle;

/// <summary>The folder that <c>tests/fetch-tokenizers</c> fills with the files of real families; in CI it is filled on first use.</summary>
internal static class FamilyFolder
{
    private static readonly Lazy<string?> Folder = new(Find);

    /// <summary>The folder, or null where it is not there.</summary>
    public static string? Path => Folder.Value;

    private static string? Find()
    {
        string script = System.IO.Path.Combine(GoldenData.TestsFolder(), "fetch-tokenizers");
        bool fetches = Environment.GetEnvironmentVariable("CI") == "true" && OperatingSystem.IsLinux();
        using var process = Process.Start(
            new ProcessStartInfo("bash", [script, fetches ? "--fetch" : "--where"]) { RedirectStandardOutput = true })!;
        string folder = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return Directory.Exists(folder) ? folder : null;
    }
}
