using System.Text.Json.Nodes;
using Tuna.IO;

namespace Tuna.Cli.Files;

/// <summary>Rows that could not be done, with their reasons: <c>OUT.failed.jsonl</c>. Run the same command again to try them once
/// more.</summary>
internal static class FailureFile
{
    public static string PathFor(string output) => output + ".failed.jsonl";

    /// <summary>Writes the file, or removes an old one when nothing failed.</summary>
    public static void Write(string output, IReadOnlyCollection<(string Id, string Reason)> failures)
    {
        string path = PathFor(output);
        if (failures.Count == 0)
        {
            File.Delete(path);
            return;
        }

        AtomicFile.WriteAllText(path,
            string.Concat(failures.Select(f => new JsonObject { ["id"] = f.Id, ["reason"] = f.Reason }.ToJsonString(JsonText.OneLine)
            + "\n")));
    }
}
