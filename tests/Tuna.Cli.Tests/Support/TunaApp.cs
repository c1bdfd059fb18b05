using Tuna.Cli.Hosting;

namespace Tuna.Cli.Tests.Support;

/// <summary>The program in this process: for what needs no process of its own.</summary>
internal static class TunaApp
{
    public static async Task<TunaRun> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = await new App(output, error, TimeProvider.System, () => ExitCodes.Cancelled).RunAsync(arguments, CancellationToken.None);
        return new(code, output.ToString(), error.ToString());
    }
}
