// No namespace: the runtime looks for this very name in an assembly that DOTNET_STARTUP_HOOKS names.

/// <summary>Within a process that a test starts: writes down, at its end, which assemblies were loaded.</summary>
internal static class StartupHook
{
    public const string FileVariable = "TUNA_TEST_LOADED";

    public static void Initialize()
    {
        if (Environment.GetEnvironmentVariable(FileVariable) is { } file)
            AppDomain.CurrentDomain.ProcessExit += (_, _) =>
                File.WriteAllLines(file, AppDomain.CurrentDomain.GetAssemblies().Select(a => a.GetName().Name!));
    }
}
