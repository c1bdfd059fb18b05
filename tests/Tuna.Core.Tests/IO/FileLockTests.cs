using System.Diagnostics;
using Tuna.IO;
using Tuna.Testing;

namespace Tuna.Core.Tests.IO;

/// <summary>Locks among real processes: this assembly's <see cref="LockProgram"/>, started beside the tests.</summary>
public sealed class FileLockTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Acquire_Held_NamesTheHolder()
    {
        using FileLock held = FileLock.Acquire(_folder["out.jsonl"]);
        FileInUseException e = Assert.Throws<FileInUseException>(() => FileLock.Acquire(_folder["out.jsonl"]));
        Assert.Contains($"'{_folder["out.jsonl"]}' is in use: process {Environment.ProcessId} (", e.Message);
        Assert.Matches(@"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", e.Owner);
    }

    [Fact]
    public void Dispose_LeavesNothing()
    {
        FileLock.Acquire(_folder["deep", "out"]).Dispose();
        FileLock.Acquire(_folder["deep", "out"]).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder["deep"]));
    }

    [Fact]
    public void Acquire_StaleLock_IsTakenOver()
    {
        File.WriteAllText(_folder["out.lock"], "process 1 (tuna) on ELSEWHERE, which was killed and left a longer text than the next one");
        using FileLock held = FileLock.Acquire(_folder["out"]);
        Assert.Contains($"process {Environment.ProcessId} ",
            Assert.Throws<FileInUseException>(() => FileLock.Acquire(_folder["out"])).Owner);
    }

    /// <summary>A read-only place was once reported as in use by another process.</summary>
    [SkippableFact]
    public void Acquire_PlaceThatCannotBeWritten_SaysSo()
    {
        Skip.IfNot(Directory.Exists("/proc/self"), "needs a folder in which nobody may create files");
        Exception e = Assert.ThrowsAny<Exception>(() => FileLock.Acquire("/proc/self/out"));
        Assert.True(e is IOException or UnauthorizedAccessException && e is not FileInUseException, e.ToString());
        Assert.Contains("'/proc/self/out' cannot be written", e.Message);
    }

    [Fact]
    public void AtomicFile_TwoAtOnce_SecondIsRefusedAndTheFirstUndisturbed()
    {
        using (var first = new AtomicFile(_folder["f"]))
        {
            first.Stream.Write("first"u8);
            Assert.Throws<FileInUseException>(() => new AtomicFile(_folder["f"]));
            first.Complete();
        }
        Assert.Equal("first", File.ReadAllText(_folder["f"]));
        Assert.Single(Directory.GetFileSystemEntries(_folder.Root));
    }

    [Fact]
    public void AtomicFile_Leftovers_AreRemovedAndNobodyElses()
    {
        foreach (string name in new[] { "f.partial", "f.0123456789abcdef.partial", "f.old.partial", "f.lock",
            "f.gz.0123456789abcdef.partial", "f.x.partial", "g.partial" })
            File.WriteAllText(_folder[name], "");
        AtomicFile.WriteAllText(_folder["f"], "x");
        Assert.Equal(["f", "f.gz.0123456789abcdef.partial", "f.x.partial", "g.partial"], Names());
    }

    [Fact]
    public void AtomicFolder_KilledBetweenItsTwoMoves_TheOldOneComesBack()
    {
        Directory.CreateDirectory(_folder["d.old.partial"]);
        File.WriteAllText(_folder["d.old.partial", "a"], "kept");
        Assert.Throws<IOException>(() => AtomicFolder.Write(_folder["d"], _ => throw new IOException("full")));
        Assert.Equal("kept", File.ReadAllText(_folder["d", "a"]));
        Assert.Equal(["d"], Names());
    }

    [Fact]
    public async Task Acquire_HolderKilled_NextOneHasItAtOnce()
    {
        using Process holder = LockProgram.Start("hold", _folder["out"]);
        try
        {
            Assert.Equal("held", await holder.StandardOutput.ReadLineAsync());
            Assert.Contains($"process {holder.Id} ", Assert.Throws<FileInUseException>(() => FileLock.Acquire(_folder["out"])).Message);
        }
        finally
        {
            holder.Kill();
            await holder.WaitForExitAsync();
        }
        Assert.True(File.Exists(_folder["out.lock"]));
        FileLock.Acquire(_folder["out"]).Dispose();
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Root));
    }

    /// <summary>Two converters at one output once gave a file with rows of both, ten times of ten.</summary>
    [Fact]
    public async Task AtomicFile_ManyProcessesAtOneName_FilesAreWholeAndEachRefusalIsNamed()
    {
        Process[] writers = [.. Enumerable.Range(0, 3).Select(i => LockProgram.Start("write", _folder["out"], $"{i}"))];
        int written = 0, refused = 0;
        foreach (Process writer in writers)
        {
            string[] counts = (await writer.StandardOutput.ReadToEndAsync()).Split(' ');
            await writer.WaitForExitAsync();
            Assert.Equal(0, writer.ExitCode);
            (written, refused) = (written + int.Parse(counts[0]), refused + int.Parse(counts[1]));
            writer.Dispose();
        }
        Assert.Equal(writers.Length * LockProgram.Rounds, written + refused);
        // how many depends on the machine: a refused writer does not wait
        Assert.True(written > 0, $"{written} written, {refused} refused");
        Assert.Equal(["out"], Names());
        Assert.True(LockProgram.IsWhole(File.ReadAllBytes(_folder["out"])));
    }

    private string[] Names() =>
        [.. Directory.GetFileSystemEntries(_folder.Root).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];
}
