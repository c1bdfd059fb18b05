using System.Diagnostics;
using Tuna.Llama.Runtime;
using Tuna.Testing;

namespace Tuna.Llama.Tests.Runtime;

public class NativeCopyTests
{
    private const string Library = "libstdc++.so.6";

    /// <summary>Linux's library is beside the tests on every system.</summary>
    private static readonly string s_original =
        Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    private static readonly byte[] s_bytes = File.ReadAllBytes(s_original);

    [Fact]
    public void Ensure_TorchSharpsLibrary_DiffersInExactlyTheFlag()
    {
        using var cache = new TempFolder();
        byte[] copy = File.ReadAllBytes(NativeCopy.Ensure(s_original, cache.Root));
        Assert.Equal(s_bytes.Length, copy.Length);
        int place = Assert.Single(Enumerable.Range(0, copy.Length), i => copy[i] != s_bytes[i]);
        Assert.Equal((0, 2), (s_bytes[place], copy[place]));
        // The entry that the byte belongs to begins with the hash of the version's name (System V ABI, chapter 5).
        Assert.Equal(ElfHash(NativeCopy.Version), BitConverter.ToUInt32(copy, place - 4));
    }

    [Fact]
    public void Ensure_Again_LeavesTheCopyAndRepairsADamagedOne()
    {
        using var cache = new TempFolder();
        string path = NativeCopy.Ensure(s_original, cache.Root);
        byte[] good = File.ReadAllBytes(path);
        DateTime old = new(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(path, old);
        Assert.Equal(path, NativeCopy.Ensure(s_original, cache.Root));
        Assert.Equal(old, File.GetLastWriteTimeUtc(path));
        File.WriteAllBytes(path, good[..1000]);
        Assert.Equal(good, File.ReadAllBytes(NativeCopy.Ensure(s_original, cache.Root)));
    }

    [Fact]
    public void Ensure_SeveralProcessesAtOnce_MakeOneWholeCopy()
    {
        using var cache = new TempFolder();
        Process[] children = [.. Enumerable.Range(0, 3)
            .Select(_ => LoaderProgram.Start([], "copy", s_original, cache["cache"], cache["gate"]))];
        File.WriteAllText(cache["gate"], "");
        (bool Success, string Output)[] ends = [.. children.Select(LoaderProgram.Finish)];
        Assert.All(ends, e => Assert.True(e.Success, e.Output));
        string path = Assert.Single(ends.Select(e => e.Output).Distinct());
        Assert.Equal(WeakVersion.Mark(s_bytes, s_original, Library, NativeCopy.Version), File.ReadAllBytes(path));
        Assert.Equal([path], Directory.EnumerateFiles(cache["cache"], "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Ensure_NoLibrary_IsNamedAndNothingIsWritten()
    {
        using var folder = new TempFolder();
        string file = folder["libLibTorchSharp.so"];
        foreach (byte[] bytes in (byte[][])[[], "MZ"u8.ToArray(), s_bytes[..100], s_bytes[..(s_bytes.Length / 2)]])
        {
            File.WriteAllBytes(file, bytes);
            Assert.Contains(file, Assert.Throws<InvalidDataException>(() => NativeCopy.Ensure(file, folder["cache"])).Message,
                StringComparison.Ordinal);
            Assert.Equal(bytes, File.ReadAllBytes(file));
            Assert.False(Directory.Exists(folder["cache"]));
        }
    }

    [Fact]
    public void Mark_NoElfFile_IsRefused()
    {
        Assert.Contains("not an ELF library", Refusal("#!/bin/sh"u8.ToArray()), StringComparison.Ordinal);
        byte[] narrow = [.. s_bytes];
        narrow[4] = 1;
        Assert.Contains("64-bit", Refusal(narrow), StringComparison.Ordinal);
    }

    [Fact]
    public void Mark_CutFile_IsRefusedWhereverItIsCut()
    {
        foreach (int length in (int[])[4, 6, 63, 64, 200, 4096, s_bytes.Length / 4, s_bytes.Length / 2, (int)(s_bytes.Length * 0.9)])
            Assert.Contains("is cut", Refusal(s_bytes[..length]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Library, "GLIBCXX_3.4.99")]
    [InlineData("libm.so.6", NativeCopy.Version)]
    [InlineData("libabsent.so.1", NativeCopy.Version)]
    public void Mark_WithoutTheEntry_IsRefused(string library, string version) =>
        Assert.Contains($"asks {library} for no version {version}",
            Assert.Throws<InvalidDataException>(() => WeakVersion.Mark(s_bytes, "x.so", library, version)).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Mark_VersionInUse_IsRefusedWithAFunctionOfIt() =>
        Assert.Matches("uses _Z.* of GLIBCXX_3.4.29",
            Assert.Throws<InvalidDataException>(() => WeakVersion.Mark(s_bytes, "x.so", Library, "GLIBCXX_3.4.29")).Message);

    [Fact]
    public void Mark_DamagedTables_AreRefusedOrLeaveTheRestAlone()
    {
        // Whatever bytes stand in the headers: an error with a name or a copy, never a read beyond the file.
        var random = new Random(1);
        for (int round = 0; round < 300; round++)
        {
            byte[] damaged = [.. s_bytes];
            for (int i = 0; i < 3; i++)
                damaged[5 + random.Next(700)] = (byte)random.Next(256);
            try
            {
                byte[] copy = WeakVersion.Mark(damaged, "x.so", Library, NativeCopy.Version);
                Assert.True(copy.Zip(damaged).Count(b => b.First != b.Second) <= 1);
            }
            catch (InvalidDataException e)
            {
                Assert.Contains("x.so", e.Message, StringComparison.Ordinal);
            }
        }
    }

    private static string Refusal(byte[] bytes) =>
        Assert.Throws<InvalidDataException>(() => WeakVersion.Mark(bytes, "x.so", Library, NativeCopy.Version)).Message;

    private static uint ElfHash(string name)
    {
        uint h = 0;
        foreach (char c in name)
        {
            h = (h << 4) + c;
            uint high = h & 0xf0000000;
            h = (h ^ (high >> 24)) & ~high;
        }

        return h;
    }
}
