using System.CommandLine;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;
using Tuna.Distributed;

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

    /// <summary>The processes that do the work together: those of an MPI job, where the command can be one.</summary>
    public IProcessGroup Group { get; set; } = IProcessGroup.Single;

    /// <summary>How the command joins the other processes of an MPI job; null where it works alone.</summary>
    public virtual MpiOptions? Together(ParseResult parse) => null;

    /// <summary>Does the work.</summary>
    public abstract Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken);
}
