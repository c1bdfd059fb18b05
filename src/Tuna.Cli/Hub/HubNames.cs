using System.CommandLine;
using System.CommandLine.Parsing;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;
using Tuna.Models.Hub;

namespace Tuna.Cli.Hub;

/// <summary>Names of models and data sets on the hub in a command line: <c>--model owner/name</c>, <c>--data
/// owner/name:split</c>.</summary>
/// <remarks>A path that is there is that path, whatever else has its name. Everything after this knows files and folders alone.</remarks>
internal static class HubNames
{
    private static readonly string[] Models = ["--model", "-m", "--reference-model"];
    private static readonly string[] Data = ["--data", "-d"];
    private static readonly string[] Endings = [".json", ".jsonl", ".csv", ".parquet", ".gz", ".zst", ".txt", ".safetensors", ".gguf"];

    /// <summary>The arguments with names replaced by the paths of what they name; null where none is.</summary>
    public static async Task<IReadOnlyList<string>?> ResolveAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        string[] arguments = [.. parse.Tokens.Select(t => t.Value)];
        bool changed = false;
        HubClient? client = null;
        try
        {
            foreach ((int at, HubKind kind) in Places(parse))
            {
                (string name, string? split) = Split(arguments[at], kind);
                if (!HubRepository.IsName(name) || IsMistypedPath(name, arguments[at]))
                    continue;
                HubOptions options = HubOptions.FromEnvironment();
                if (Exists(arguments[at]))
                {
                    if (Directory.Exists(Path.Combine(options.CacheFolder,
                        (kind == HubKind.Model ? "models--" : "datasets--") + name.Replace("/", "--", StringComparison.Ordinal))))
                        ui.Note($"{name} is a path here and the name of something in {options.CacheFolder}: the path is taken.");
                    continue;
                }

                client ??= new HubClient(options, ui.Time);
                arguments[at] = await BringAsync(client, kind, name, split, ui, cancellationToken);
                changed = true;
            }
        }
        finally
        {
            client?.Dispose();
        }

        return changed ? arguments : null;
    }

    private static async Task<string> BringAsync(HubClient client, HubKind kind, string name, string? split, StageUi ui,
        CancellationToken cancellationToken)
    {
        var progress = new DownloadNotes(ui, "downloading");
        try
        {
            return kind == HubKind.Model
                ? await client.ModelAsync(name, progress: progress, cancellationToken: cancellationToken)
                : await client.DatasetAsync(name, split, progress: progress, cancellationToken: cancellationToken);
        }
        catch (HubException e)
        {
            throw new StageException(
                $"There is no {(kind == HubKind.Model ? "folder" : "file")} {name} here, and from the hub it cannot be had: {e.Message}",
                inner: e);
        }
    }

    // Where in the tokens a model or data is named.
    private static IEnumerable<(int At, HubKind Kind)> Places(ParseResult parse)
    {
        bool positional = parse.CommandResult.Command is Commands.ChatCommand;
        string? option = null;
        for (int i = 0; i < parse.Tokens.Count; i++)
        {
            Token token = parse.Tokens[i];
            if (token.Type == TokenType.Option)
            {
                option = token.Value;
            }
            else if (token.Type == TokenType.Argument)
            {
                if (option is null ? positional : Models.Contains(option))
                    yield return (i, HubKind.Model);
                else if (option is not null && Data.Contains(option))
                    yield return (i, HubKind.Dataset);
                // Of options, --data alone may take several values.
                if (option is null || !Data.Contains(option))
                    option = null;
            }
        }
    }

    private static (string Name, string? Split) Split(string value, HubKind kind)
    {
        int colon = kind == HubKind.Dataset ? value.IndexOf(':', StringComparison.Ordinal) : -1;
        return colon < 0 ? (value, null) : (value[..colon], value[(colon + 1)..]);
    }

    // A file's name, or something in a folder that is here: nobody else is asked about those.
    private static bool IsMistypedPath(string name, string argument) =>
        !Exists(argument) && (Endings.Contains(Path.GetExtension(name).ToLowerInvariant())
            || Directory.Exists(name[..name.IndexOf('/', StringComparison.Ordinal)]));

    private static bool Exists(string path) => File.Exists(path) || Directory.Exists(path);
}
