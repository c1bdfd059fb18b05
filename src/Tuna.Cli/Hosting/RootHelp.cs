using System.CommandLine;
using System.CommandLine.Help;
using Tuna.Cli.Commands;

namespace Tuna.Cli.Hosting;

/// <summary>What the program can do, in the layout of the usual help. Written here because it is the first thing that people wait
/// for: the usual one takes as long as the rest of a start.</summary>
internal static class RootHelp
{
    public const string Description = """
        Tuna: ranking-based fine-tuning of language models (arXiv 2310.13385), stage by stage.

        The recipe: an instruction-tuned model answers each instruction several times (sample), a judge orders the answers (rank), and the
        model learns to prefer the better ones (train). Every stage reads files and writes files. Kill any stage at any moment and run the
        same command again: it goes on where it was, and nothing is paid for twice.

          instructions -- sft --> model -- sample --> samples.jsonl -- rank --> ranked.jsonl -- train --> model -- evaluate --> report
        """;

    public static void Write(TextWriter output, IEnumerable<Option> options)
    {
        output.WriteLine("Description:");
        foreach (string line in Description.Split('\n'))
            output.WriteLine("  " + line.TrimEnd('\r'));
        output.WriteLine();
        output.WriteLine("Usage:");
        output.WriteLine("  tuna [command] [options]");
        output.WriteLine();
        output.WriteLine("Options:");
        var rows = new List<(string, string)>();
        int own = 0;
        foreach (Option option in options)
            rows.Insert(option is HelpOption or VersionOption ? rows.Count : own++, (Names(option), option.Description ?? ""));
        Columns(output, rows);
        output.WriteLine("Commands:");
        rows.Clear();
        foreach (CommandEntry command in AllCommands.Table)
            rows.Add((command.Usage, command.Summary));
        Columns(output, rows);
        output.WriteLine("A first tour, on a laptop, with a small random model and the byte tokenizer:");
        foreach (string line in Tour)
            output.WriteLine("  " + line);
        output.WriteLine();
        output.WriteLine(ExitCodes.Help);
    }

    private static string Names(Option option)
    {
        var names = new List<string>(option.Aliases) { option.Name };
        names.RemoveAll(n => n.StartsWith('/')); // understood, as on Windows, but not taught
        names.Sort((a, b) => a.Length != b.Length ? a.Length - b.Length : string.CompareOrdinal(a, b));
        return string.Join(", ", names) + (option.HelpName is { } value ? $" <{value}>" : "");
    }

    private static void Columns(TextWriter output, List<(string Left, string Right)> rows)
    {
        int left = 0;
        foreach ((string name, _) in rows)
            left = Math.Max(left, name.Length);
        int room = Math.Max(Console.IsOutputRedirected ? int.MaxValue : Console.WindowWidth - left - 5, 20);
        foreach ((string name, string text) in rows)
        {
            string start = name, rest = text;
            while (rest.Length > room && rest.LastIndexOf(' ', room) is > 0 and var end)
            {
                output.WriteLine($"  {start.PadRight(left)}  {rest[..end]}");
                (start, rest) = ("", rest[(end + 1)..]);
            }

            output.WriteLine($"  {start.PadRight(left)}  {rest}");
        }

        output.WriteLine();
    }

    private static readonly string[] Tour =
    [
        "tuna new --out base --size tiny",
        "tuna sft --model base --data instructions.jsonl --out alpaca",
        "tuna sample --model alpaca --data instructions.jsonl --out samples.jsonl",
        "tuna rank --data samples.jsonl --judge openai:gpt-4o --out ranked.jsonl",
        "tuna train --model alpaca --data ranked.jsonl --out tuna",
        "tuna recipe list",
    ];
}
