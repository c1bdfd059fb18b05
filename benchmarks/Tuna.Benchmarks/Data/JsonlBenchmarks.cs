using BenchmarkDotNet.Attributes;
using Tuna.Benchmarks.HotPaths;
using Tuna.Data;

namespace Tuna.Benchmarks.Data;

/// <summary>Reading ten megabytes of ranked JSONL, from memory, as objects and by the cursor, against passing over its bytes
/// once.</summary>
[MemoryDiagnoser]
public class JsonlBenchmarks
{
    private byte[] _bytes = [];

    [GlobalSetup]
    public void Setup()
    {
        string path = Path.GetTempFileName();
        try
        {
            DataFile.Write(path, JsonlCommand.Rows(10_000_000), RankedFormat.Instance, DataLayout.Lines);
            _bytes = File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Benchmark]
    public int Objects() => DataFile.Read(new MemoryStream(_bytes), "memory", RankedFormat.Instance).Count();

    [Benchmark]
    public int Cursor()
    {
        using var rows = new RankedReader(new MemoryStream(_bytes), "memory");
        int count = 0;
        while (rows.Read())
            count++;
        return count;
    }

    [Benchmark(Baseline = true)]
    public int Lines() => _bytes.AsSpan().Count((byte)'\n');
}
