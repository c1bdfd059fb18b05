namespace Tuna.Cli.Terminal;

/// <summary>How the program talks.</summary>
/// <param name="Quiet">Only results and errors; no progress, no notes.</param>
/// <param name="Json">One JSON object per result on standard output, one per event on standard error.</param>
internal sealed record OutputMode(bool Quiet, bool Json);
