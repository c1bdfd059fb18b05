using System.Diagnostics;
using System.Text.Json.Nodes;

namespace Tuna.Benchmarks.Support;

/// <summary>Runs a command of this program in a process of its own, so that its peak memory and its start are its own.</summary>
internal static class ChildProcess
{
    /// <summary>Runs a command that prints one JSON line and returns it, with the seconds from before the start to the end.</summary>
    /// <exception cref="InvalidOperationException">The command failed; the message holds what it said.</exception>
    public static (JsonObject Line, double WallSeconds) Run(params IEnumerable<string> arguments)
    {
        string self = Environment.ProcessPath!;
        var start = new ProcessStartInfo(self) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (Path.GetFileNameWithoutExtension(self).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Tuna.Benchmarks.dll"));
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        return Run(start);
    }

    /// <summary>Runs another program's command line, by the shell, that prints one JSON line and returns it.</summary>
    /// <exception cref="InvalidOperationException">The command failed; the message holds what it said.</exception>
    public static JsonObject RunShell(string command) =>
        Run(new ProcessStartInfo("/bin/sh", ["-c", command]) { RedirectStandardOutput = true, RedirectStandardError = true }).Line;

    private static (JsonObject Line, double WallSeconds) Run(ProcessStartInfo start)
    {
        long begin = Stopwatch.GetTimestamp();
        using Process child = Process.Start(start) ?? throw new InvalidOperationException($"'{start.FileName}' did not start.");
        Task<string> error = child.StandardError.ReadToEndAsync();
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        string? line = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).LastOrDefault(l => l.StartsWith('{'));
        if (child.ExitCode != 0 || line is null)
            throw new InvalidOperationException(
                $"'{string.Join(' ', start.ArgumentList)}' ended with {child.ExitCode}:\n{output}{error.Result}");
        return (JsonNode.Parse(line)!.AsObject(), seconds);
    }
}
