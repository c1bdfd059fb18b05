using Tuna.Cli.Hosting;
using Tuna.IO;

namespace Tuna.Cli.Files;

/// <summary>A file that a person names as input.</summary>
internal static class InputFile
{
    private const int Shown = 8;
    private static readonly string[] DataEndings = [".json", ".jsonl", ".csv", ".parquet", ".gz", ".zst"];

    /// <summary>A file, or the data files of a folder in the order of their names: a split that lies in several files.</summary>
    /// <exception cref="StageException">There is none.</exception>
    public static IReadOnlyList<string> Files(string path)
    {
        if (!Directory.Exists(path))
            return [Require(path)];
        string[] files = [.. Directory.EnumerateFiles(path).Where(f => DataEndings.Contains(Path.GetExtension(f).ToLowerInvariant()))
            .Order(StringComparer.Ordinal)];
        // The hub's folders of a split number their files. Any other folder is more likely a mistake, and what it holds is named.
        bool alike = files.Select(f => Path.GetExtension(f).ToLowerInvariant()).Distinct().Count() == 1
            && files.All(f => char.IsAsciiDigit(Path.GetFileName(f)[0]));
        return alike ? files : [Require(path)];
    }

    /// <summary>Refuses a name under which no file can be written, before anything is made or paid for.</summary>
    /// <exception cref="StageException">A folder has it.</exception>
    /// <exception cref="IOException">A pipe or a device has it.</exception>
    public static void RefuseAsOutput(string path)
    {
        SpecialFile.Refuse(path);
        if (Directory.Exists(path))
            throw new StageException($"--out {path} is a folder; name the file to write, such as {Path.Combine(path, "result.jsonl")}.");
    }

    /// <summary>Requires a file, and gives its path back.</summary>
    /// <exception cref="StageException">There is none, or a folder; says what is there.</exception>
    public static string Require(string path)
    {
        if (Directory.Exists(path))
        {
            string[] inside = [.. Directory.EnumerateFiles(path).Select(Path.GetFileName).OfType<string>()
                .Where(f => DataEndings.Contains(Path.GetExtension(f).ToLowerInvariant())).Order(StringComparer.Ordinal)];
            string more = inside.Length > Shown ? $" and {inside.Length - Shown} more" : "";
            string names = inside.Length == 0 ? "It holds no data files." : $"It holds: {string.Join(", ", inside.Take(Shown))}{more}.";
            throw new StageException($"{path} is a folder; a file is needed here. {names}");
        }

        SpecialFile.Refuse(path);
        if (File.Exists(path))
            return path;
        string? folder = Path.GetDirectoryName(Path.GetFullPath(path));
        string? near = Directory.Exists(folder)
            ? Suggestion.Nearest(Path.GetFileName(path), Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)!)) : null;
        throw new StageException(near is null ? $"There is no file {path}."
            : $"There is no file {path}. Did you mean {Path.Combine(Path.GetDirectoryName(path) ?? "", near)}?");
    }
}
