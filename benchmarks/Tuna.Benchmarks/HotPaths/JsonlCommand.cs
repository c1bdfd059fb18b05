using System.CommandLine;
using System.Diagnostics;
using System.Text;
using Tuna.Benchmarks.Support;
using Tuna.Data;
using Tuna.Numerics;

namespace Tuna.Benchmarks.HotPaths;

/// <summary>Streaming a large ranked JSONL file, against reading its bytes.</summary>
internal static class JsonlCommand
{
    public static Command Create()
    {
        var size = new Option<int>("--size-mb") { Description = "size of the generated file, 10^6 bytes", DefaultValueFactory = _ => 1000 };
        var reps = new Option<int>("--reps") { DefaultValueFactory = _ => 3 };
        var cold = new Option<bool>("--cold") { Description =
            "empty the file's cache before each pass, so that both wait for the disk (Linux)" };
        var folder = new Option<string>("--folder")
        {
            Description = "where the file is made (and deleted at the end)",
            DefaultValueFactory = _ => Path.GetTempPath(),
        };
        var command = new Command("jsonl", "Streaming a ranked JSONL file against reading its bytes; prints one JSON line.") { size, reps,
            cold, folder };
        command.SetAction(r =>
        {
            string path = Path.Combine(r.GetValue(folder)!, $"tuna-ranked-{Environment.ProcessId}.jsonl");
            try
            {
                Run(path, r.GetValue(size) * 1_000_000L, r.GetValue(reps), r.GetValue(cold));
            }
            finally
            {
                File.Delete(path);
            }
        });
        return command;
    }

    private static void Run(string path, long bytes, int reps, bool cold)
    {
        long rows = DataFile.Write(path, Rows(bytes), RankedFormat.Instance);
        double before = ProcessMemory.PeakMiB;
        double[] read = new double[reps], cursor = new double[reps], objects = new double[reps], strings = new double[reps],
            lines = new double[reps];
        double cursorPeak = 0, peak = 0;
        for (int i = 0; i < reps; i++)
        {
            // Taking turns, so that all find the same file cache.
            read[i] = Time(() => ReadBytes(path, _ => { }));
            cursor[i] = Time(() => Expect(Rows(path)));
            cursorPeak = i == 0 ? ProcessMemory.PeakMiB : cursorPeak; // the others hold more
            objects[i] = Time(() => Expect(DataFile.Read(path, RankedFormat.Instance).LongCount()));
            peak = i == 0 ? ProcessMemory.PeakMiB : peak;
            strings[i] = Time(() => ReadBytes(path, MakeStrings));
            lines[i] = Time(() => Expect(File.ReadLines(path).LongCount()));
        }

        void Expect(long seen)
        {
            if (seen != rows)
                throw new InvalidOperationException($"{rows} rows were written, {seen} read.");
        }

        double Time(Action pass)
        {
            if (cold)
                FileCache.Evict(path);
            long begin = Stopwatch.GetTimestamp();
            pass();
            return Stopwatch.GetElapsedTime(begin).TotalSeconds;
        }

        long size = new FileInfo(path).Length;
        new JsonLine("tuna_jsonl").Add("size_mb", Math.Round(size / 1e6, 1)).Add("rows", rows).Add("cold", cold)
            .Times("read_bytes", read).Times("cursor", cursor).Times("objects", objects).Times("only_strings", strings)
                .Times("lines", lines)
            .Add("cursor_ratio", Math.Round(JsonLine.Median(cursor) / JsonLine.Median(read), 2))
                .Add("objects_ratio", Math.Round(JsonLine.Median(objects) / JsonLine.Median(read), 2))
            .Add("cursor_mb_per_s", Math.Round(size / 1e6 / JsonLine.Median(cursor)))
                .Add("objects_mb_per_s", Math.Round(size / 1e6 / JsonLine.Median(objects)))
            .Add("rss_before_mib", Math.Round(before, 1)).Add("cursor_peak_rss_mib", Math.Round(cursorPeak, 1))
                .Add("peak_rss_mib", Math.Round(peak, 1)).Print();
    }

    /// <summary>Rows of four responses of some two hundred words each, until the size is reached.</summary>
    public static IEnumerable<RankedExample> Rows(long bytes)
    {
        var rng = new Rng(9);
        string[] words = [.. Enumerable.Range(0, 500).Select(i => i % 50 == 0 ? $"\"caf\u00e9\" {i}\n" : $"word{i}")];
        for (long written = 0, row = 0; written < bytes; row++)
        {
            string[] outputs = [.. Enumerable.Range(0, 4)
                .Select(_ => string.Join(' ', Enumerable.Range(0, 100 + rng.Next(200)).Select(_ => words[rng.Next(words.Length)])))];
            written += outputs.Sum(o => o.Length) + 120;
            yield return new RankedExample
            {
                Id = $"row-{row}",
                Instruction = $"Instruction number {row} of a generated file",
                Outputs = outputs,
                Scores = [.. outputs.Select(_ => (double?)rng.NextDouble())],
            };
        }
    }

    private static long Rows(string path)
    {
        using var rows = new RankedReader(path);
        long count = 0;
        while (rows.Read())
            count++;
        return count;
    }

    private static void ReadBytes(string path, Action<ReadOnlySpan<byte>> use)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        byte[] buffer = new byte[1 << 20];
        for (int count; (count = stream.Read(buffer)) > 0;)
            use(buffer.AsSpan(0, count));
    }

    // What no reader that returns strings can go below: their memory and their letters, without looking at what they say.
    private static void MakeStrings(ReadOnlySpan<byte> bytes)
    {
        const int Text = 1600;
        for (int i = 0; i < bytes.Length; i += Text)
            _ = Encoding.Latin1.GetString(bytes.Slice(i, Math.Min(Text, bytes.Length - i)));
    }
}
