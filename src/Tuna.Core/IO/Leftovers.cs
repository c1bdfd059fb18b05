using System.Buffers;
using System.Globalization;
using Tuna.Numerics;

namespace Tuna.IO;

/// <summary>Names of what is being written, and the removal of what killed processes left under such names.</summary>
internal static class Leftovers
{
    /// <summary>Digits of a process's own part of a name.</summary>
    private const int TokenLength = 16;

    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789abcdef");

    /// <summary>Tells this process from every other one that may write beside it, on other machines too.</summary>
    private static readonly string s_token = string.Create(
        CultureInfo.InvariantCulture, $"{(uint)Environment.ProcessId:x8}{(uint)StableHash.Of(Environment.MachineName):x8}");

    /// <summary>Where this process writes what is to appear under a name.</summary>
    public static string PartialOf(string target) => $"{target}.{s_token}{AtomicFile.PartialSuffix}";

    /// <summary>Where a folder goes that is to be replaced or deleted.</summary>
    public static string OldOf(string target) => $"{target}.old{AtomicFile.PartialSuffix}";

    /// <summary>Deletes what unfinished writers of a target left beside it. Only under the target's lock: then nobody is at work
    /// there.</summary>
    public static void Remove(string target)
    {
        string? folder = Path.GetDirectoryName(target);
        if (folder is null || !Directory.Exists(folder))
            return;
        foreach (string entry in Directory.EnumerateFileSystemEntries(folder, "*" + AtomicFile.PartialSuffix))
        {
            if (BelongsTo(entry, target))
                Delete(entry);
        }
    }

    /// <summary>Deletes a file or a folder with all it holds.</summary>
    public static void Delete(string entry)
    {
        if (Directory.Exists(entry) && new DirectoryInfo(entry).LinkTarget is null)
            Directory.Delete(entry, recursive: true);
        else
            File.Delete(entry);
    }

    // NAME.partial of earlier versions, NAME.TOKEN.partial, NAME.old.partial; and not those of NAME.gz.
    private static bool BelongsTo(string entry, string target)
    {
        ReadOnlySpan<char> name = Path.GetFileName(entry.AsSpan()), own = Path.GetFileName(target.AsSpan());
        if (!name.StartsWith(own, StringComparison.Ordinal) || name.Length < own.Length + AtomicFile.PartialSuffix.Length)
            return false;
        ReadOnlySpan<char> middle = name[own.Length..^AtomicFile.PartialSuffix.Length];
        return middle is "" or ".old" || (middle.Length == TokenLength + 1 && middle[0] == '.' && !middle[1..].ContainsAnyExcept(s_digits));
    }
}
