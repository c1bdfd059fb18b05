using System.Diagnostics;
using System.Reflection;
using Tuna.Llama.Runtime;

namespace Tuna.Llama.Tests.Runtime;

/// <summary>A child process loads what this one has loaded already, or makes a copy beside others that make it too.</summary>
internal static class LoaderProgram
{
    private const string Mark = "TUNA_TEST_LOADER";

    /// <summary>Whether this is such a child: nothing is loaded in it but by its command.</summary>
    public static bool IsThisProcess => Environment.GetEnvironmentVariable(Mark) is not null;

    public static int Main(string[] args)
    {
        try
        {
            Console.WriteLine(Run(args));
            return 0;
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            Console.WriteLine(e.Message);
            return 1;
        }
    }

    /// <summary>Starts a child.</summary>
    /// <param name="environment">Variables, which a null removes.</param>
    /// <param name="arguments"><c>open DEVICE</c>, or <c>copy ORIGINAL CACHE GATE</c>, which waits for a file named GATE.</param>
    public static Process Start(Dictionary<string, string?> environment, params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet"
            ? host : "dotnet")
        {
            RedirectStandardOutput = true,
        };
        string assembly = Assembly.GetExecutingAssembly().Location;
        string[] all = ["exec", "--runtimeconfig", Path.ChangeExtension(assembly, ".runtimeconfig.json"), "--depsfile",
            Path.ChangeExtension(assembly, ".deps.json"), assembly, .. arguments];
        foreach (string argument in all)
            start.ArgumentList.Add(argument);
        start.Environment[Mark] = "1";
        start.Environment.Remove(NativeFolders.Variable);
        foreach ((string name, string? value) in environment)
            start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Waits for a child's end.</summary>
    /// <returns>Whether it succeeded, and what it wrote.</returns>
    public static (bool Success, string Output) Finish(Process child)
    {
        string output = child.StandardOutput.ReadToEnd().Trim();
        child.WaitForExit();
        bool success = child.ExitCode == 0;
        child.Dispose();
        return (success, output);
    }

    private static string Run(string[] args)
    {
        if (args is ["open", var device])
            return TorchRuntime.OpenDevice(device).ToString();
        while (!File.Exists(args[3]))
            Thread.Sleep(1);
        return NativeCopy.Ensure(args[1], args[2]);
    }
}
