using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Tuna.Llama.Managed.Kernels;

namespace Tuna.Llama.Managed.Tests;

/// <summary>The engine in child processes with instruction sets switched off: another kernel must be chosen and the numbers must
/// agree.</summary>
public class InstructionSetTests
{
    [SkippableFact]
    public void Engine_WithoutAvx512_UsesAvx2()
    {
        Skip.IfNot(Avx2.IsSupported && Fma.IsSupported);
        // The setting was renamed in .NET 10.
        AssertAgrees("AVX2", "DOTNET_EnableAVX512F", "DOTNET_EnableAVX512");
    }

    [SkippableFact]
    public void Engine_WithoutAvx2_UsesVector128()
    {
        Skip.IfNot(Vector128.IsHardwareAccelerated);
        AssertAgrees("Vector128", "DOTNET_EnableAVX2", "DOTNET_EnableAVX512F", "DOTNET_EnableAVX512");
    }

    [Fact]
    public void Engine_WithoutIntrinsics_UsesScalarCode() => AssertAgrees("scalar", "DOTNET_EnableHWIntrinsic");

    [Fact]
    public void InstructionSet_OfThisProcess_IsTheBestThereIs() =>
        Assert.Equal(Vector512.IsHardwareAccelerated ? "AVX-512" : Vector256.IsHardwareAccelerated && Fma.IsSupported
            ? "AVX2" : Vector128.IsHardwareAccelerated ? "Vector128" : "scalar", Gemm.InstructionSet);

    private static void AssertAgrees(string instructionSet, params string[] switchedOff)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet"
            ? host : "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        string assembly = Assembly.GetExecutingAssembly().Location;
        foreach (string argument in (string[])["exec", "--runtimeconfig", Path.ChangeExtension(assembly, ".runtimeconfig.json"),
            "--depsfile", Path.ChangeExtension(assembly, ".deps.json"), assembly, InstructionSetProgram.Argument])
            start.ArgumentList.Add(argument);
        foreach (string name in switchedOff)
            start.Environment[name] = "0";
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string[] lines = child.StandardOutput.ReadToEnd()
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        child.WaitForExit();
        Assert.True(child.ExitCode == 0, errors.Result);

        Assert.Equal(instructionSet, lines[0]);
        double[] expected = InstructionSetProgram.Results(),
            actual = [.. lines[1..].Select(l => double.Parse(l, CultureInfo.InvariantCulture))];
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], 1e-4 * Math.Max(1, Math.Abs(expected[i])));
    }
}
