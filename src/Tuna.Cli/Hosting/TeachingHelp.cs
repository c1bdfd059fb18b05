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
        TextWriter output = parseResult.InvocationConfiguration.Output;
        if (parseResult.CommandResult.Command is RootCommand root)
        {
            RootHelp.Write(output, root.Options);
            return ExitCodes.Ok;
        }

        int code = usual.Invoke(parseResult);
        if (parseResult.CommandResult.Command is StageCommand { Examples.Count: > 0 } command)
        {
            output.WriteLine("Examples:");
            foreach (string example in command.Examples)
                output.WriteLine("  " + example.ReplaceLineEndings(Environment.NewLine + "  "));
            output.WriteLine();
        }

        output.WriteLine(ExitCodes.Help);
        return code;
    }
}
