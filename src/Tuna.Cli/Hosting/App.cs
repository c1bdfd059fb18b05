using System.CommandLine;
using System.CommandLine.Help;
using Tuna.Cli.Commands;
using Tuna.Cli.Files;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Hosting;

/// <summary>The command line: parses, runs one command, turns what happens into an exit code.</summary>
internal sealed class App
{
    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly TimeProvider _time;
    private readonly Func<int> _stopCode;
    private readonly Option<bool> _quiet = new("--quiet", "-q") { Description = "Only results and errors: no progress, no notes.", Recursive = true };
    private readonly Option<bool> _json = new("--json") { Description = "For scripts: one JSON object as the result on standard output, one per event on standard error.", Recursive = true };
    private readonly RootCommand _root;
    private int _stopping;

    /// <param name="output">Receives results.</param>
    /// <param name="error">Receives progress, notes and errors.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stopCode">The exit code of a cancelled run.</param>
    public App(TextWriter output, TextWriter error, TimeProvider time, Func<int> stopCode)
    {
        _output = output;
        _error = error;
        _time = time;
        _stopCode = stopCode;
        _root = new RootCommand(RootDescription) { _quiet, _json };
        foreach (StageCommand command in AllCommands.Create(this))
            _root.Subcommands.Add(command);
        HelpOption help = _root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelp((HelpAction)help.Action!);
    }

    /// <summary>Runs a command line.</summary>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        // Whoever types the bare name wants to know what it can do.
        ParseResult parse = _root.Parse(arguments.Count == 0 ? ["--help"] : arguments);
        if (UsageErrors.Of(parse) is { Count: > 0 } errors)
        {
            string command = UsageErrors.NameOf(parse.CommandResult.Command);
            string help = $"See: tuna {command}{(command.Length > 0 ? " " : "")}--help";
            Ui(parse).Failure(command, ExitCodes.Usage, string.Join(Environment.NewLine, [.. errors, help]));
            return ExitCodes.Usage;
        }

        var configuration = new InvocationConfiguration { Output = _output, Error = _error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
        return await parse.InvokeAsync(configuration, cancellationToken);
    }

    /// <summary>What is wrong with a command line, without running it; empty when nothing is.</summary>
    public IReadOnlyList<string> Check(IReadOnlyList<string> arguments) => UsageErrors.Of(_root.Parse(arguments));

    /// <summary>Runs a stage, prints its result or why it failed.</summary>
    public async Task<int> GuardAsync(StageCommand command, ParseResult parse, CancellationToken cancellationToken)
    {
        StageUi ui = Ui(parse);
        string name = UsageErrors.NameOf(command);
        using CancellationTokenRegistration told = cancellationToken.UnsafeRegister(_ => TellStopping(ui), null);
        try
        {
            StageResult result = await command.RunAsync(parse, ui, cancellationToken);
            StaleLocks.Remove(parse);
            ui.Result(name, result);
            return result.ExitCode;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            int code = _stopCode();
            ui.Failure(name, code, "Stopped. Everything finished so far is kept; run the same command again to go on from there.");
            return code;
        }
        catch (Exception e)
        {
            (int code, string message) = Failures.Explain(e);
            ui.Failure(name, code, message);
            return code;
        }
    }

    // Once, though a recipe and its stage both hear of it.
    private void TellStopping(StageUi ui)
    {
        if (Interlocked.Exchange(ref _stopping, 1) == 0)
            ui.Note("Stopping at the next safe point; calls under way are let finish, since they are paid for. Ctrl+C again stops at once.");
    }

    private StageUi Ui(ParseResult parse) => new(new OutputMode(parse.GetValue(_quiet), parse.GetValue(_json)), _output, _error, _time);

    private const string RootDescription = """
        Tuna: ranking-based fine-tuning of language models (arXiv 2310.13385), stage by stage.

        The recipe: an instruction-tuned model answers each instruction several times (sample), a judge orders the answers (rank), and the
        model learns to prefer the better ones (train). Every stage reads files and writes files. Kill any stage at any moment and run the
        same command again: it goes on where it was, and nothing is paid for twice.

          instructions -- sft --> model -- sample --> samples.jsonl -- rank --> ranked.jsonl -- train --> model -- evaluate --> report
        """;
}
