namespace Tuna.Testing;

/// <summary>A folder of its own for one test, deleted at the end.</summary>
/// <param name="inMemory">Puts it on a memory disk where there is one, for tests that flush hundreds of files to the disk.</param>
internal sealed class TempFolder(bool inMemory = false) : IDisposable
{
    private const string MemoryDisk = "/dev/shm";
    private static int _count;

    public string Root { get; } = inMemory && Directory.Exists(MemoryDisk)
        ? Directory.CreateDirectory(
            Path.Combine(MemoryDisk, $"tuna-test-{Environment.ProcessId}-{Interlocked.Increment(ref _count)}")).FullName
        : Directory.CreateTempSubdirectory("tuna-test-").FullName;

    public string this[params string[] parts] => Path.Combine([Root, .. parts]);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
