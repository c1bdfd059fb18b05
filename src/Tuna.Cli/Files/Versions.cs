using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Tuna.Cli.Files;

/// <summary>What a result was computed with.</summary>
internal static class Versions
{
    public static JsonObject ToJson(string engine) => new()
    {
        ["tuna"] = typeof(Versions).Assembly.GetName().Version?.ToString(3),
        ["engine"] = engine,
        ["dotnet"] = RuntimeInformation.FrameworkDescription,
        ["system"] = $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}",
    };
}
