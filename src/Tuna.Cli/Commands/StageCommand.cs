using System.CommandLine;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;

namespace Tuna.Cli.Commands;

/// <summary>A command of the program: one stage of the recipe, or a group of them.</summary>
internal abstract class StageCommand : Command
{
    protected StageCommand(App app, string name, string description)
        : base(name, description)
    {
        SetAction((parse, cancellationToken) => app.GuardAsync(this, parse, cancellationToken));
    }

    /// <summary>Command lines that teach; shown by <c>--help</c>.</summary>
    public IReadOnlyList<string> Examples { get; protected init; } = [];

    /// <summary>Does the work.</summary>
    public abstract Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken);
}
