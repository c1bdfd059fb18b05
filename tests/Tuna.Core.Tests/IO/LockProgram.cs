using System.Diagnostics;
using System.Globalization;
using Tuna.IO;

namespace Tuna.Core.Tests.IO;

/// <summary>This assembly as a process: what <see cref="FileLockTests"/> starts beside itself.</summary>
internal static class LockProgram
{
    public const int Rounds = 60;
    private const int Length = 40_000;

    public static int Main(string[] arguments)
    {
        switch (arguments)
        {
            case ["hold", string target]:
                using (FileLock.Acquire(target))
                {
                    Console.WriteLine("held");
                    Thread.Sleep(TimeSpan.FromMinutes(1)); // until it is killed
                }
                return 1;
            case ["write", string target, string name]:
                Write(target, (byte)('0' + int.Parse(name, CultureInfo.InvariantCulture)));
                return 0;
            default:
                return 2;
        }
    }

    public static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo(
        Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet",
        ["exec", typeof(LockProgram).Assembly.Location, .. arguments])
    {
        RedirectStandardOutput = true,
    })!;

    /// <summary>Whether a file is one writer's, from the first byte to the last.</summary>
    public static bool IsWhole(byte[] file) => file.Length == Length && !file.AsSpan().ContainsAnyExcept(file[0]);

    /// <summary>Writes the same file again and again, and looks at what is there; tells how often it was written and how often
    /// refused.</summary>
    private static void Write(string target, byte content)
    {
        int written = 0, refused = 0;
        byte[] piece = new byte[Length / 40];
        piece.AsSpan().Fill(content);
        for (int round = 0; round < Rounds; round++)
        {
            try
            {
                using var file = new AtomicFile(target, bufferSize: 0);
                for (int i = 0; i < Length; i += piece.Length)
                    file.Stream.Write(piece);
                file.Complete();
                written++;
            }
            catch (FileInUseException)
            {
                refused++;
            }
            if (File.Exists(target) && !IsWhole(File.ReadAllBytes(target)))
                throw new InvalidDataException("The file is mixed.");
        }
        Console.Write($"{written} {refused}");
    }
}
