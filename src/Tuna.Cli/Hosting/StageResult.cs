using System.Text.Json.Nodes;

namespace Tuna.Cli.Hosting;

/// <summary>What a stage did: a sentence for people, facts for scripts, and the exit code.</summary>
/// <param name="Summary">One or more lines for people.</param>
/// <param name="Facts">The same in figures; printed by <c>--json</c>.</param>
/// <param name="ExitCode">One of <see cref="ExitCodes"/>.</param>
internal sealed record StageResult(string Summary, JsonObject Facts, int ExitCode = ExitCodes.Ok);
