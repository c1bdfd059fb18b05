using System.Diagnostics;
using System.Text.Json;

namespace Tuna.Cli.Tests.Support;

/// <summary>The console as a process of its own, as people run it.</summary>
internal sealed class TunaProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    private TunaProcess(string folder, IReadOnlyDictionary<string, string>? environment, string[] arguments,
        IReadOnlyList<string>? launcher = null)
    {
        string dotnet = Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet";
        var start = new ProcessStartInfo(launcher?[0] ?? dotnet)
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        foreach (string argument in launcher is null ? [] : (string[])[.. launcher.Skip(1), dotnet])
            start.ArgumentList.Add(argument);
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "tuna.dll"));
        foreach (string argument in arguments)
            start.ArgumentList.Add(argument);
        // No key of the person who runs the tests may reach a test.
        start.Environment.Remove("OPENAI_API_KEY");
        start.Environment.Remove("OPENAI_BASE_URL");
        start.Environment["DOTNET_TieredPGO"] = "0";
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
    }

    public static TunaProcess Start(string folder, params string[] arguments) => new(folder, null, arguments);

    public static TunaProcess Start(string folder, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        new(folder, environment, arguments);

    public static Task<TunaRun> RunAsync(string folder, params string[] arguments) => Start(folder, arguments).EndAsync();

    public static Task<TunaRun> RunAsync(string folder, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        Start(folder, environment, arguments).EndAsync();

    /// <summary>As several processes, by a launcher such as mpirun with its arguments.</summary>
    public static Task<TunaRun> LaunchAsync(string folder, IReadOnlyList<string> launcher, IReadOnlyDictionary<string, string> environment,
        params string[] arguments) =>
        new TunaProcess(folder, environment, arguments, launcher).EndAsync(minutes: 10); // several runtimes start at once

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public async Task<TunaRun> EndAsync(int minutes = 2)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(minutes));
        await _process.WaitForExitAsync(limit.Token);
        return new(_process.ExitCode, await _output, await _error);
    }

    /// <summary>Kills the process (SIGKILL) as soon as a condition holds.</summary>
    /// <returns>Whether it was killed; false when it ended before.</returns>
    public Task<bool> KillWhenAsync(Func<bool> condition) => Task.Factory.StartNew(() =>
    {
        // On a thread of its own: the pool's are busy with other tests, and the moment would pass.
        while (!_process.HasExited)
        {
            if (condition())
            {
                _process.Kill();
                _process.WaitForExit();
                return _process.ExitCode != 0;
            }

            Thread.Sleep(1);
        }

        return false;
    }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Sends SIGINT, as Ctrl+C does.</summary>
    public void Interrupt()
    {
        using Process kill = Process.Start("kill", ["-INT", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    public void Dispose() => _process.Dispose();
}

/// <summary>How a run ended.</summary>
internal sealed record TunaRun(int ExitCode, string Output, string Error)
{
    public JsonElement Json => JsonDocument.Parse(Output).RootElement.Clone();

    public TunaRun Expect(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"exit code {ExitCode}, expected {exitCode}\n--- output\n{Output}\n--- error\n{Error}");
        return this;
    }
}
