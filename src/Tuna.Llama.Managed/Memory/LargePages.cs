using System.Runtime.InteropServices;

namespace Tuna.Llama.Managed.Memory;

/// <summary>Memory in pages of 2 MiB, where Linux gives them to those who ask: reading all weights for one token touches 500 times as many
/// pages of 4 KiB as there are of these.</summary>
/// <remarks>Advice, no more: where it cannot be given or is not followed, the memory is the same in smaller pages.</remarks>
internal static unsafe partial class LargePages
{
    // MADV_HUGEPAGE of madvise(2).
    private const int UseHugePages = 14;

    /// <summary>Bytes of a large page.</summary>
    public const nuint Size = 2 << 20;

    /// <summary>Asks for large pages for the whole ones in a block.</summary>
    /// <param name="block">Its start, at a multiple of <see cref="Size"/>.</param>
    /// <param name="bytes">Its length. What follows the last whole page is left as it is, so that it takes no more memory than it
    /// needs.</param>
    public static void Advise(void* block, nuint bytes)
    {
        if (!OperatingSystem.IsLinux() || bytes < Size)
            return;
        try
        {
            _ = MemoryAdvise(block, bytes / Size * Size, UseHugePages);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // A C library under another name: small pages then.
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int MemoryAdvise(void* address, nuint length, int advice);
}
