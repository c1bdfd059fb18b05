using Tuna.Llama.Runtime;
using Tuna.Testing;

namespace Tuna.Llama.Tests.Runtime;

public class LoadFailureTests
{
    /// <summary>The form of .NET 10's message on Linux: its own line, then what the loader said of each name tried.</summary>
    private const string Frame =
        "Unable to load shared library '/a/libLibTorchSharp.so' or one of its dependencies. In order to help diagnose loading problems, "
        + "consider using a tool like strace.\n";

    [Theory]
    [InlineData("/lib/x86_64-linux-gnu/libstdc++.so.6: version `GLIBCXX_3.4.32' not found (required by /a/libLibTorchSharp.so)",
        "Ubuntu 24.04, Debian 13")]
    [InlineData("/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /a/libLibTorchSharp.so)", "glibc 2.34")]
    [InlineData("libgomp.so.1: cannot open shared object file: No such file or directory", "libgomp1")]
    [InlineData("libstdc++.so.6: cannot open shared object file: No such file or directory", "libstdc++6")]
    [InlineData("libcublas.so.12: cannot open shared object file: No such file or directory", "TorchSharp-cuda-linux")]
    [InlineData("libtorch_cpu.so: cannot open shared object file: No such file or directory", "libtorch is not whole")]
    [InlineData("libnuma.so.1: cannot open shared object file: No such file or directory", "Install libnuma.so.1.")]
    [InlineData("/a/libLibTorchSharp.so: undefined symbol: _ZN3c106detail14torchCheckFail", "another version")]
    [InlineData("Error loading shared library ld-linux-x86-64.so.2: No such file or directory", "musl")]
    public void Refused_OnLinux_ShowsTheLoadersSentenceAndWhatToInstall(string sentence, string advice)
    {
        string said = LoadFailure.Refused("/a/libLibTorchSharp.so", new DllNotFoundException(Frame + sentence + "\n")).Message;
        Assert.StartsWith("/a/libLibTorchSharp.so is there, but the system's loader refuses it: " + sentence, said,
            StringComparison.Ordinal);
        Assert.Contains(advice, said, StringComparison.Ordinal);
        Assert.DoesNotContain("strace", said, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_EveryWayTorchSharpReports_IsShortAndSaysItsFirstSentence()
    {
        const string trace =
            "This application or script uses TorchSharp but doesn't contain a reference to libtorch-cpu-linux-x64.\n\nTrace from "
            + "LoadNativeBackend:\nStep 1\nStep 3\n";
        Exception[] reports = [new NotSupportedException(trace), new DllNotFoundException(trace),
            new TypeInitializationException("torch", new DllNotFoundException(trace)), new BadImageFormatException(trace)];
        Assert.All(reports, e =>
        {
            Assert.True(LoadFailure.IsMissingLibrary(e), e.GetType().Name);
            string said = LoadFailure.Of(e).Message;
            Assert.DoesNotContain("\n", said, StringComparison.Ordinal);
            Assert.StartsWith("TorchSharp cannot use its native library: This application or script uses TorchSharp", said,
                StringComparison.Ordinal);
        });
        Assert.False(LoadFailure.IsMissingLibrary(new InvalidOperationException()));
    }

    [Fact]
    public void NoGpu_CpuBuildOrNoDriver_AreToldApart()
    {
        using var folder = new TempFolder();
        Assert.Contains("this libtorch is the CPU's", LoadFailure.NoGpu("cuda", folder.Root), StringComparison.Ordinal);
        File.WriteAllText(folder[NativeFolders.FileName("torch_cuda")], "");
        Assert.Contains("nvidia-smi", LoadFailure.NoGpu("cuda", folder.Root), StringComparison.Ordinal);
    }
}
