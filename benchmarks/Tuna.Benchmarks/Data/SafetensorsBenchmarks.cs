using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;

namespace Tuna.Benchmarks.Data;

/// <summary>Loading a tensor of sixteen million bytes as floats against a loop over the file's bytes.</summary>
[MemoryDiagnoser]
public class SafetensorsBenchmarks
{
    private string _path = "";
    private float[] _values = [];

    [Params(TensorDType.F32, TensorDType.BF16, TensorDType.F16)]
    public TensorDType DType { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _path = Path.GetTempFileName();
        var rng = new Rng(1);
        _values = new float[16_000_000 / DType.Size()];
        foreach (ref float v in _values.AsSpan())
            v = (float)rng.NextGaussian();
        using var writer = new SafetensorsWriter(_path, [new TensorSpec("w", DType, [_values.Length])]);
        writer.Write("w", _values);
        writer.Complete();
    }

    [GlobalCleanup]
    public void Cleanup() => File.Delete(_path);

    [Benchmark]
    public float Load()
    {
        using SafetensorsFile file = SafetensorsFile.Open(_path);
        file.Read("w", _values);
        return _values[^1];
    }

    [Benchmark(Baseline = true)]
    public float Scalar()
    {
        byte[] bytes = File.ReadAllBytes(_path);
        int size = DType.Size();
        ReadOnlySpan<byte> data = bytes.AsSpan(bytes.Length - (_values.Length * size));
        for (int i = 0; i < _values.Length; i++)
        {
            ReadOnlySpan<byte> one = data.Slice(i * size, size);
            _values[i] = DType switch
            {
                TensorDType.F32 => BinaryPrimitives.ReadSingleLittleEndian(one),
                TensorDType.F16 => (float)BinaryPrimitives.ReadHalfLittleEndian(one),
                _ => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(one) << 16),
            };
        }

        return _values[^1];
    }
}
