using System.Security.Cryptography;
using System.Text;
using Tuna.IO;

namespace Tuna.Cli.Files;

/// <summary>A hash of a file's bytes, or of the files in a model folder.</summary>
internal static class ContentHash
{
    /// <exception cref="FileNotFoundException">There is neither a file nor a folder.</exception>
    public static string Of(string path)
    {
        if (File.Exists(path))
            return Convert.ToHexStringLower(OfFile(path))[..16];
        if (!Directory.Exists(path))
            throw new FileNotFoundException($"{path} does not exist.", path);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // The stage's own records carry no weights; all else decides what the model says.
        foreach (string file in Directory.EnumerateFiles(path)
            .Where(f => Path.GetFileName(f) is not (ModelRecord.FileName or ModelRecord.MetricsName)).Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetFileName(file)));
            hash.AppendData(OfFile(file));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset())[..16];
    }

    private static byte[] OfFile(string path)
    {
        SpecialFile.Refuse(path);
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1 << 20, FileOptions.SequentialScan);
        return SHA256.HashData(stream);
    }
}
