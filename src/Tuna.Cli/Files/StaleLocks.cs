using System.CommandLine;
using Tuna.IO;

namespace Tuna.Cli.Files;

/// <summary>Locks that nobody holds beside a finished output: a run that was killed between its last two acts leaves one, and no later run
/// would write there again.</summary>
internal static class StaleLocks
{
    // What a stage writes under a lock of its own.
    private static readonly string[] s_beside =
        ["", ".journal", ".settings.json", ".calls.jsonl", ".failed.jsonl", ".predictions.jsonl", ".scores.jsonl"];

    /// <summary>Removes those of a command's output, or of a recipe's folder. What somebody holds stays.</summary>
    public static void Remove(ParseResult parse)
    {
        if (Text(parse, "--out") is { } output)
        {
            foreach (string suffix in s_beside)
                Remove(Path.TrimEndingDirectorySeparator(output) + suffix);
        }

        if ((Text(parse, "--work") ?? Text(parse, "--out")) is { } work && Path.Combine(work, ".stages") is var stages
            && Directory.Exists(stages))
        {
            foreach (string file in Directory.GetFiles(stages, "*" + FileLock.Suffix))
                Remove(file[..^FileLock.Suffix.Length]);
        }
    }

    private static void Remove(string target)
    {
        if (!File.Exists(target + FileLock.Suffix))
            return;
        try
        {
            FileLock.Acquire(target).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Held by somebody, or not ours to remove; the stage has ended well all the same.
        }
    }

    private static string? Text(ParseResult parse, string name) =>
        parse.CommandResult.Command.Options.FirstOrDefault(option => option.Name == name) is Option<string> option
            && parse.GetValue(option) is { Length: > 0 } value ? value : null;
}
