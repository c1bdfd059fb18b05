using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;

namespace Tuna.Distributed.Tests.Mpi;

/// <summary>Starts this assembly under one of the MPIs that may be installed beside each other.</summary>
internal static class MpiRun
{
    public const string OpenMpi = "mpirun.openmpi", Mpich = "mpirun.mpich";

    // What a loaded machine may take for a job of a second; a test that reaches it has failed.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(4);

    public static bool Exists(string launcher) =>
        Environment.GetEnvironmentVariable("PATH")!.Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, launcher)));

    /// <summary>Skips the test where a launcher is missing. Where the project's own checks run, both are there.</summary>
    public static void Need(string launcher) =>
        Skip.IfNot(Exists(launcher),
        $"{launcher} is not installed (Debian: apt-get install {(launcher == OpenMpi ? "openmpi-bin" : "mpich")})");

    public static MpiOutcome Start(string launcher, int ranks, IReadOnlyList<string> arguments, string? library = null)
    {
        var start = new ProcessStartInfo(launcher) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (launcher == OpenMpi)
        {
            foreach (string argument in (string[])["--oversubscribe", "--bind-to", "none"])
                start.ArgumentList.Add(argument);
            // In a container the user is often root.
            start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        }

        string assembly = Assembly.GetExecutingAssembly().Location;
        string host = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet"
            ? path : Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../../dotnet");
        foreach (string argument in (string[])["-n", ranks.ToString(CultureInfo.InvariantCulture), host, "exec", "--runtimeconfig",
            Path.ChangeExtension(assembly, ".runtimeconfig.json"), "--depsfile", Path.ChangeExtension(assembly, ".deps.json"), assembly,
            .. arguments])
            start.ArgumentList.Add(argument);
        start.Environment["TERM"] = "dumb"; // Open MPI gives its processes a terminal, and .NET would greet it
        if (library is not null)
            start.Environment["TUNA_TEST_MPI_LIBRARY"] = library;
        using Process job = Process.Start(start)!;
        Task<string> output = job.StandardOutput.ReadToEndAsync(), errors = job.StandardError.ReadToEndAsync();
        if (!job.WaitForExit(Limit))
        {
            job.Kill(entireProcessTree: true);
            throw new TimeoutException(
                $"{launcher} {string.Join(' ', arguments)} did not end within {Limit}: {output.Result} {errors.Result}");
        }

        return new MpiOutcome(job.ExitCode, output.Result, errors.Result);
    }
}

/// <summary>How a job ended.</summary>
internal sealed record MpiOutcome(int ExitCode, string Output, string Errors)
{
    public void Succeeded() => Assert.True(ExitCode == 0, Output + Errors);
}
