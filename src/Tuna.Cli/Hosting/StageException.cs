namespace Tuna.Cli.Hosting;

/// <summary>A stage cannot go on, for a reason that a person can act on.</summary>
internal sealed class StageException(string message, int exitCode = ExitCodes.BadInput, Exception? inner = null) : Exception(message, inner)
{
    public int ExitCode { get; } = exitCode;
}
