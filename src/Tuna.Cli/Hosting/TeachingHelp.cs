using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Tuna.Cli.Commands;

namespace Tuna.Cli.Hosting;

/// <summary>The usual help, followed by examples.</summary>
internal sealed class TeachingHelp(HelpAction usual) : SynchronousCommandLineAction
{
    /// <summary>Whoever asks for help has not given all options.</summary>
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        int code = usual.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is StageCommand { Examples.Count: > 0 } command)
        {
            output.WriteLine("Examples:");
            foreach (string example in command.Examples)
                output.WriteLine("  " + example.ReplaceLineEndings(Environment.NewLine + "  "));
            output.WriteLine();
        }

        if (parseResult.CommandResult.Command is RootCommand)
        {
            output.WriteLine("A first tour, on a laptop, with a small random model and the byte tokenizer:");
            foreach (string line in Tour)
                output.WriteLine("  " + line);
            output.WriteLine();
        }

        output.WriteLine(ExitCodes.Help);
        return code;
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
