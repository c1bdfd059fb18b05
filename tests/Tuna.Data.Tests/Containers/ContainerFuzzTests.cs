using System.IO.Compression;
using System.Text;
using Tuna.Numerics;
using Tuna.Testing;
using ZstdSharp;

namespace Tuna.Data.Tests.Containers;

/// <summary>Damaged Parquet, CSV and packed files are refused by name or read as rows, whatever they claim of their sizes.</summary>
public sealed class ContainerFuzzTests : IDisposable
{
    private const string Csv =
        "id,instruction,chosen,rejected\r\na,\"say \"\"x\"\",\r\nplease\",yes,no\r\nb,short,\"a,b\",c\r\nc,é,long answer,short\r\n";
    private const string Lines =
        "{\"id\":\"a\",\"instruction\":\"i\",\"output\":[\"x\",\"y\"],\"score\":[2,1]}\n"
        + "{\"id\":\"b\",\"instruction\":\"j\",\"output\":[\"z\"]}\n";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, int> Files =>
        new() { { "ranked.parquet", 2000 }, { "binarized.parquet", 2000 }, { "rows.csv", 6000 }, { "rows.jsonl.gz", 3000 },
        { "rows.jsonl.zst", 3000 }, { "rows.jsonl", 6000 } };

    [Theory]
    [MemberData(nameof(Files))]
    public void Read_DamagedFile_IsRefusedByNameOrGivesRows(string name, int inputs)
    {
        string path = _folder.File(name);
        byte[] whole = name switch
        {
            "rows.csv" => Encoding.UTF8.GetBytes(Csv),
            "rows.jsonl" => Encoding.UTF8.GetBytes(Lines),
            "rows.jsonl.gz" => Gzip(Encoding.UTF8.GetBytes(Lines)),
            "rows.jsonl.zst" => Zstandard(Encoding.UTF8.GetBytes(Lines)),
            _ => Resource(name),
        };
        (_, int refused) = Fuzzing.Run(whole, inputs, Rng.Derive(0, name), path, input =>
        {
            File.WriteAllBytes(path, input);
            foreach (RankedExample row in RankedData.Read(path))
                Assert.NotNull(row.Id);
        }, typeof(DataFormatException));
        Assert.True(refused > inputs / 50, $"{refused} refused");
    }

    private static byte[] Resource(string name)
    {
        using Stream stream = typeof(ContainerFuzzTests).Assembly.GetManifestResourceStream(name)!;
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal, leaveOpen: true))
            gzip.Write(bytes);
        return packed.ToArray();
    }

    private static byte[] Zstandard(byte[] bytes)
    {
        using var compressor = new Compressor();
        return compressor.Wrap(bytes).ToArray();
    }
}
