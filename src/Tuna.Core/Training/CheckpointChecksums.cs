using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Tuna.Training;

/// <summary>A checkpoint's <c>checksums.sha256</c>: a line per other file, as <c>sha256sum</c> writes and checks them. Written
/// last.</summary>
internal static class CheckpointChecksums
{
    public const string FileName = "checksums.sha256";

    /// <summary>Writes the checksums of all files of a folder.</summary>
    public static void Write(string folder) => File.WriteAllBytes(Path.Combine(folder, FileName), Of(folder));

    /// <summary>Whether a folder has checksums.</summary>
    public static bool Exist(string folder) => File.Exists(Path.Combine(folder, FileName));

    /// <summary>Compares all files with their checksums.</summary>
    /// <returns>What differs, or null when everything is as it was written.</returns>
    public static string? Difference(string folder)
    {
        byte[] stated = File.ReadAllBytes(Path.Combine(folder, FileName)), found = Of(folder);
        if (stated.AsSpan().SequenceEqual(found))
            return null;
        HashSet<string> lines = [.. Encoding.UTF8.GetString(stated).Split('\n')];
        string[] changed = [.. Encoding.UTF8.GetString(found).Split('\n').Where(line => line.Length > 0 && !lines.Contains(line))
            .Select(line => line[(line.IndexOf(' ', StringComparison.Ordinal) + 2)..])];
        return changed.Length > 0
            ? $"{string.Join(", ", changed.Select(name => $"'{name}'"))} {(changed.Length == 1 ? "does" : "do")} not have the content "
                + $"that {FileName} states"
            : $"{FileName} states files that are missing, or is damaged itself";
    }

    // The bytes are compared, not what they say: so no damage to the checksums themselves goes unnoticed.
    private static byte[] Of(string folder)
    {
        string[] files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(folder, file).Replace('\\', '/')).Where(name => name != FileName)
                .Order(StringComparer.Ordinal)];
        string[] hashes = new string[files.Length];
        Parallel.For(0, files.Length, i =>
        {
            using var stream = new FileStream(Path.Combine(folder, files[i]), FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0,
                FileOptions.SequentialScan);
            hashes[i] = Convert.ToHexStringLower(SHA256.HashData(stream));
        });
        var text = new StringBuilder();
        for (int i = 0; i < files.Length; i++)
            text.Append(CultureInfo.InvariantCulture, $"{hashes[i]}  {files[i]}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }
}
