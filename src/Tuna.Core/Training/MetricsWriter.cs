using System.Text.Json;
using Tuna.IO;

namespace Tuna.Training;

/// <summary>Appends to a run's <see cref="MetricsFile"/>.</summary>
internal sealed class MetricsWriter : IDisposable
{
    private readonly FileStream _stream;

    private MetricsWriter(FileStream stream) => _stream = stream;

    /// <summary>Bytes so far.</summary>
    public long Length => _stream.Length;

    /// <summary>Opens a run's file for appending, cut back to the length that a checkpoint recorded.</summary>
    public static MetricsWriter Open(string runFolder, long length)
    {
        string path = Path.Combine(runFolder, MetricsFile.FileName);
        if (length > 0 || File.Exists(path))
            CutBack(path, length);
        return new MetricsWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read | FileShare.Delete));
    }

    /// <summary>Copies the first bytes of a run's file, which may be open for appending.</summary>
    public static void CopyStart(string path, long length, string copy)
    {
        using FileStream destination = File.Create(copy);
        CopyStart(path, length, destination);
    }

    /// <summary>Puts a run's file back as a checkpoint has it, where it does not begin so any more.</summary>
    /// <returns>Whether that was needed. Checkpoints of earlier versions have no copy, and then nothing is done.</returns>
    public static bool Restore(string runFolder, string checkpoint)
    {
        string path = Path.Combine(runFolder, MetricsFile.FileName), copy = Path.Combine(checkpoint, MetricsFile.FileName);
        if (!File.Exists(copy) || StartsAs(path, copy))
            return false;
        AtomicFile.WriteAllBytes(path, File.ReadAllBytes(copy));
        return true;
    }

    public void Append(TrainingStep step) => Append(JsonSerializer.SerializeToUtf8Bytes(step, MetricsJson.Default.TrainingStep));

    public void Append(TrainingEvaluation evaluation) =>
        Append(JsonSerializer.SerializeToUtf8Bytes(evaluation, MetricsJson.Default.TrainingEvaluation));

    /// <summary>Puts all lines on the disk: a checkpoint must never be ahead of the metrics it refers to.</summary>
    public void FlushToDisk() => _stream.Flush(flushToDisk: true);

    /// <summary>Closes the file.</summary>
    public void Dispose() => _stream.Dispose();

    private void Append(byte[] json)
    {
        _stream.Write([.. json, (byte)'\n']);
        _stream.Flush();
    }

    private static void CutBack(string path, long length)
    {
        long found = File.Exists(path) ? new FileInfo(path).Length : 0;
        if (found < length)
            throw new InvalidDataException(
                $"{path}: the file has {found} bytes, but the checkpoint to resume from was written when it had {length}; it was changed "
                + $"or deleted since. Put it back, or delete the run folder to start again.");
        if (found == length)
            return;
        AtomicFile.Write(path, destination => CopyStart(path, length, destination));
    }

    private static void CopyStart(string path, long length, Stream destination)
    {
        using var source = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] buffer = new byte[1 << 16];
        for (long left = length; left > 0;)
        {
            int read = source.ReadAtLeast(buffer.AsSpan(0, (int)Math.Min(left, buffer.Length)), 1);
            destination.Write(buffer, 0, read);
            left -= read;
        }
    }

    private static bool StartsAs(string path, string copy)
    {
        using FileStream expected = File.OpenRead(copy);
        if (!File.Exists(path) || new FileInfo(path).Length < expected.Length)
            return false;
        using FileStream found = File.OpenRead(path);
        byte[] one = new byte[1 << 16], other = new byte[1 << 16];
        int count;
        while ((count = expected.ReadAtLeast(one, one.Length, throwOnEndOfStream: false)) > 0)
        {
            found.ReadExactly(other, 0, count);
            if (!one.AsSpan(0, count).SequenceEqual(other.AsSpan(0, count)))
                return false;
        }
        return true;
    }
}
