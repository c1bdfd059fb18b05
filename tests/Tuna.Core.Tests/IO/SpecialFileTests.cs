using System.Diagnostics;
using Tuna.IO;
using Tuna.Testing;

namespace Tuna.Core.Tests.IO;

/// <summary>A pipe under the name of a file was waited for without end, also by SIGTERM; a device as output would have been replaced by a
/// file.</summary>
public sealed class SpecialFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Refuse_PipesDevicesAndCirclesOfLinks_AndNothingElse()
    {
        if (OperatingSystem.IsWindows())
            return;
        using (Process make = Process.Start("mkfifo", [_folder["pipe"]]))
            make.WaitForExit();
        File.CreateSymbolicLink(_folder["link"], _folder["pipe"]);
        File.CreateSymbolicLink(_folder["circle"], _folder["circle"]);
        File.WriteAllText(_folder["empty"], "");
        File.WriteAllText(_folder["full"], "x");
        File.CreateSymbolicLink(_folder["to-full"], _folder["full"]);
        File.CreateSymbolicLink(_folder["to-empty"], _folder["empty"]);

        foreach (string name in (string[])["pipe", "link"])
        {
            Assert.Contains(_folder[name] + " is a pipe", Assert.Throws<IOException>(() => SpecialFile.Refuse(_folder[name])).Message,
                StringComparison.Ordinal);
            Assert.Throws<IOException>(() => new AtomicFile(_folder[name]).Dispose());
            Assert.Throws<IOException>(() => JsonlJournal.Open(_folder[name]).Dispose());
        }

        Assert.Throws<IOException>(() => SpecialFile.Refuse("/dev/null"));
        Assert.Contains(_folder["circle"], Assert.Throws<IOException>(() => SpecialFile.Refuse(_folder["circle"])).Message,
            StringComparison.Ordinal);
        if (Directory.Exists("/dev/shm"))
        {
            using var memory = new TempFolder(inMemory: true);
            File.WriteAllText(memory["empty"], "");
            SpecialFile.Refuse(memory["empty"]); // under /dev, and no device
        }
        foreach (string name in (string[])["empty", "full", "to-full", "to-empty", "absent"])
            SpecialFile.Refuse(_folder[name]);
        Assert.Empty(Directory.GetFiles(_folder.Root, "*.lock"));
    }
}
