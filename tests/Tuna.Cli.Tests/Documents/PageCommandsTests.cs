using System.Diagnostics;
using System.Text.RegularExpressions;
using Tuna.Cli.Hosting;
using Tuna.Cli.Tests.Support;
using Tuna.Testing;

namespace Tuna.Cli.Tests.Documents;

/// <summary>What the pages tell people to type: <c>sh</c> blocks of the start and task pages are run as they stand, in their order and in
/// one folder; of every other block (<c>console</c>: needs a GPU, a cluster, the network) the command lines are understood.</summary>
public sealed partial class PageCommandsTests : IDisposable
{
    private static readonly string s_root = Path.GetDirectoryName(GoldenData.TestsFolder())!;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> RunPages => new(["docs/start.md", .. Directory.GetFiles(Path.Combine(s_root, "docs", "tasks"), "*.md")
        .Where(file => Blocks(file).Any(block => block.Language == "sh"))
        .Select(file => "docs/tasks/" + Path.GetFileName(file)).Order(StringComparer.Ordinal)]);

    public static TheoryData<string> AllPages => new(new[] { "README.md", "docs/cli.md", "docs/distributed.md", "src/Tuna.Cli/README.md" }
        .Concat(Directory.GetFiles(Path.Combine(s_root, "docs", "tasks"), "*.md").Select(file => "docs/tasks/" + Path.GetFileName(file))
            .Where(page => CommandLines(Path.Combine(s_root, page)).Any()).Order(StringComparer.Ordinal)));

    [SkippableTheory]
    [MemberData(nameof(RunPages))]
    public async Task ShellBlocks_OfPage_RunAsTheyStand(string page)
    {
        Skip.If(OperatingSystem.IsWindows(), "The blocks are for a POSIX shell.");
        using LoopbackJudge judge = LoopbackJudge.InOrder();
        string bin = Directory.CreateDirectory(_folder["bin"]).FullName, work = Directory.CreateDirectory(_folder["work"]).FullName;
        string tuna = Path.Combine(bin, "tuna");
        File.WriteAllText(tuna, $"#!/bin/sh\nexec dotnet '{Path.Combine(AppContext.BaseDirectory, "tuna.dll")}' \"$@\"\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(tuna, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        string script = string.Join('\n',
            Blocks(Path.Combine(s_root, page)).Where(block => block.Language == "sh").Select(block => block.Text));
        var start = new ProcessStartInfo("sh", ["-e", "-c", script])
        {
            WorkingDirectory = work,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = bin + Path.PathSeparator + Environment.GetEnvironmentVariable("PATH");
        foreach ((string name, string value) in judge.Environment)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(10));
        await process.WaitForExitAsync(limit.Token);
        Assert.True(process.ExitCode == 0, $"{page} ended with {process.ExitCode}:\n{await output}{await errors}");
        Assert.NotEmpty(Directory.GetFileSystemEntries(work));
    }

    [Theory]
    [MemberData(nameof(AllPages))]
    public void CommandLines_OfPage_AreUnderstood(string page)
    {
        string[][] lines = [.. CommandLines(Path.Combine(s_root, page))];
        Assert.NotEmpty(lines);
        using var nowhere = new StringWriter();
        var app = new App(nowhere, nowhere, TimeProvider.System, () => ExitCodes.Cancelled);
        Assert.All(lines, words => Assert.True(app.Check(words) is { Count: 0 },
            $"{page}: tuna {string.Join(' ', words)}: {string.Join(' ', app.Check(words))}"));
    }

    [Theory]
    [InlineData("tuna sample --out x # a comment", "sample --out x")]
    [InlineData("echo \"a b\" | tuna chat tuned --quiet", "chat tuned --quiet")]
    [InlineData("mpirun -n 4 --bind-to none tuna train --out 'a b'", "train --out|a b")]
    [InlineData("dotnet run --project src/Tuna.Cli -c Release -- --help", null)]
    [InlineData("cat > x && tuna new --out a && tuna stats --data b", "new --out a")]
    public void Words_OfALine_AreThoseAfterTheProgramsName(string line, string? expected) =>
        Assert.Equal(expected,
            Words(line).Select(words => words.Contains("a b") ? "train --out|a b" : string.Join(' ', words)).FirstOrDefault());

    private static IEnumerable<string[]> CommandLines(string file) => Blocks(file).Where(block => block.Language is "sh" or "console" or "")
        .SelectMany(block => block.Text.Replace("\\\n", " ", StringComparison.Ordinal).Split('\n')).SelectMany(Words);

    // The words of each call of tuna in a line; what a shell would put in place of $i or {} is a share's number.
    private static IEnumerable<string[]> Words(string line)
    {
        foreach (Match call in Call().Matches(Comment().Replace(line, "")))
        {
            yield return [.. Word().Matches(call.Groups[1].Value).Select(word => word.Value.Trim('\'', '"'))
                .Select(word => word.Replace("$i", "0", StringComparison.Ordinal).Replace("{}", "0", StringComparison.Ordinal))];
        }
    }

    private static IEnumerable<(string Language, string Text)> Blocks(string file) =>
        Fence().Matches(File.ReadAllText(file).ReplaceLineEndings("\n")).Select(m => (m.Groups[1].Value, m.Groups[2].Value));

    [GeneratedRegex(@"^```(\w*)\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"(?<=^|[\s|])tuna +((?:'[^']*'|""[^""]*""|[^'""|&;>])*)")]
    private static partial Regex Call();

    [GeneratedRegex(@"'[^']*'|""[^""]*""|[^\s]+")]
    private static partial Regex Word();

    [GeneratedRegex(@"(^|\s)#.*$")]
    private static partial Regex Comment();
}
