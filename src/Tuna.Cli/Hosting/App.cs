using System.CommandLine;
using System.CommandLine.Help;
using Tuna.Cli.Commands;
using Tuna.Cli.Files;
using Tuna.Cli.Telemetry;
using Tuna.Cli.Terminal;
using Tuna.Distributed;

namespace Tuna.Cli.Hosting;

/// <summary>The command line: parses, runs one command, turns what happens into an exit code.</summary>
internal sealed class App
{
    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly TimeProvider _time;
    private readonly Func<int> _stopCode;
    private readonly Func<TextReader> _input;
    private readonly Option<bool> _quiet =
        new("--quiet", "-q") { Description = "Only results and errors: no progress, no notes.", Recursive = true };
    private readonly Option<bool> _json = new("--json")
    {
        Description = "For scripts: one JSON object as the result on standard output, one per event on standard error.",
        Recursive = true,
    };
    private readonly TelemetryOptions _telemetry = new();
    private int _stopping;
    private bool _traced; // by the outermost command: a recipe's stages are commands too

    /// <param name="output">Receives results.</param>
    /// <param name="error">Receives progress, notes and errors.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stopCode">The exit code of a cancelled run.</param>
    /// <param name="input">What a person types; nothing when null.</param>
    public App(TextWriter output, TextWriter error, TimeProvider time, Func<int> stopCode, Func<TextReader>? input = null)
    {
        _input = input ?? (() => TextReader.Null);
        _output = output;
        _error = error;
        _time = time;
        _stopCode = stopCode;
    }

    /// <summary>The commands as a command line needs them: those that it names, and the others' names.</summary>
    private RootCommand Root(IReadOnlyList<string> arguments)
    {
        var root = new RootCommand(RootHelp.Description) { _quiet, _json };
        _telemetry.AddTo(root);
        // Files of arguments (@file) and directives ([suggest]) may name any.
        bool all = arguments.Any(a => a.StartsWith('@') || a.StartsWith('['));
        foreach (CommandEntry entry in AllCommands.Table)
            root.Subcommands.Add(all || arguments.Contains(entry.Name) ? entry.Create(this) : new Command(entry.Name, entry.Summary));
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new TeachingHelp((HelpAction)help.Action!);
        return root;
    }

    /// <summary>Runs a command line.</summary>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public async Task<int> RunAsync(IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        // Whoever types the bare name wants to know what it can do.
        RootCommand root = Root(arguments);
        if (arguments is [] or ["--help"])
        {
            RootHelp.Write(_output, root.Options);
            return ExitCodes.Ok;
        }

        (ParseResult? parse, IReadOnlyList<string> errors) = Understand(root, arguments);
        if (parse is null || errors.Count > 0)
        {
            string command = parse is null
                ? arguments.FirstOrDefault(a => root.Subcommands.Any(c => c.Name == a)) ?? ""
                : UsageErrors.NameOf(parse.CommandResult.Command);
            string help = $"See: tuna {command}{(command.Length > 0 ? " " : "")}--help";
            StageUi ui = parse is null ? Ui(new OutputMode(Quiet: false, Json: arguments.Contains(_json.Name))) : Ui(parse);
            ui.Failure(command, ExitCodes.Usage, string.Join(Environment.NewLine, [.. errors, help]));
            return ExitCodes.Usage;
        }

        var configuration = new InvocationConfiguration
        {
            Output = _output,
            Error = _error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        };
        return await parse.InvokeAsync(configuration, cancellationToken);
    }

    /// <summary>What is wrong with a command line, without running it; empty when nothing is.</summary>
    public IReadOnlyList<string> Check(IReadOnlyList<string> arguments) => Understand(Root(arguments), arguments).Errors;

    /// <summary>Parses a command line. A command's own checks may ask for a value that cannot be given, because it stands there twice or is
    /// of another type: then there is no result, only the error.</summary>
    private static (ParseResult? Parse, IReadOnlyList<string> Errors) Understand(RootCommand root, IReadOnlyList<string> arguments)
    {
        try
        {
            ParseResult parse = root.Parse(arguments);
            return (parse, UsageErrors.Of(parse));
        }
        catch (InvalidOperationException e)
        {
            return (null, [e.Message]);
        }
    }

    /// <summary>Runs a stage, prints its result or why it failed.</summary>
    /// <remarks>Of an MPI job's ranks the first speaks; another one does when it fails alone. One that fails ends the job, or the others
    /// would wait for it.</remarks>
    public async Task<int> GuardAsync(StageCommand command, ParseResult parse, CancellationToken cancellationToken)
    {
        StageUi ui = Ui(parse);
        string name = UsageErrors.NameOf(command);
        IProcessGroup group = IProcessGroup.Single;
        try
        {
            command.Group = Ranks.Join(command, parse);
            group = command.Group;
            using IDisposable? telemetry = group.Rank == 0 ? StartTelemetry(parse, name) : null;
            if (group.Rank > 0)
                ui = new(new OutputMode(Quiet: true, Json: false), TextWriter.Null, TextWriter.Null, _time, () => TextReader.Null);
            using CancellationTokenRegistration told = cancellationToken.UnsafeRegister(_ => TellStopping(ui), null);
            if (group.Rank > 0)
                group.BroadcastBytes(null); // the first process downloads, the others find it in the cache
            IReadOnlyList<string>? arguments = await Hub.HubNames.ResolveAsync(parse, ui, cancellationToken);
            if (group.Rank == 0)
                group.BroadcastBytes([1]);
            if (arguments is not null)
                parse = parse.RootCommandResult.Command.Parse(arguments); // whose options the command reads
            StageResult result = await command.RunAsync(parse, ui, cancellationToken);
            if (group.Rank == 0)
            {
                StaleLocks.Remove(parse);
                ui.Result(name, result);
            }

            int code = group.BroadcastBytes([(byte)result.ExitCode])[0]; // the others wait here, asleep, for what the first has still to do
            group.Dispose();
            return code;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested || group.Size > 1)
        {
            return await FailAsync(_stopCode(),
                "Stopped. Everything finished so far is kept; run the same command again to go on from there.");
        }
        catch (Exception e)
        {
            (int code, string message) = Failures.Explain(e);
            return await FailAsync(code, message);
        }

        async Task<int> FailAsync(int code, string message)
        {
            if (group.Rank > 0)
                await Task.Delay(Ranks.FirstSpeaksFor, _time, CancellationToken.None); // usually all fail alike, and the first ends the job
            Ui(parse).Failure(name, code, group.Rank > 0 ? $"rank {group.Rank}: {message}" : message);
            _output.Flush();
            _error.Flush();
            group.Abort(code);
            return code;
        }
    }

    private IDisposable? StartTelemetry(ParseResult parse, string name)
    {
        if (_traced)
            return null;
        _traced = true;
        return _telemetry.Start(parse, name, text => Ui(parse).Warn(text));
    }

    // Once, though a recipe and its stage both hear of it.
    private void TellStopping(StageUi ui)
    {
        if (Interlocked.Exchange(ref _stopping, 1) == 0)
            ui.Note("Stopping at the next safe point; calls under way are let finish, since they are paid for. Ctrl+C again stops at "
                + "once.");
    }

    private StageUi Ui(ParseResult parse) => Ui(new OutputMode(parse.GetValue(_quiet), parse.GetValue(_json)));

    private StageUi Ui(OutputMode mode) => new(mode, _output, _error, _time, _input);
}
