using System.Buffers.Binary;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Testing;

namespace Tuna.Models.Tests.Checkpoints;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Read_WhatTheWriterWrote_IsTheSameForEveryTypeAndShape()
    {
        Gen<TensorSpec[]> specs = from count in Gen.Choose(0, 6)
                                  from types in Gen.Elements(TensorDType.F32, TensorDType.BF16, TensorDType.F16).ArrayOf(count)
                                  from shapes in Gen.Choose(0, 9).ArrayOf(2).Select(s => s.Select(d => (long)d).ToArray()).ArrayOf(count)
                                  select types.Select((t, i) =>
                                      new TensorSpec($"t{i} \u00e9\"\\{(char)('z' - i)}", t, shapes[i].Take(i % 3).ToArray())).ToArray();
        int run = 0;
        Prop.ForAll(specs.ToArbitrary(), tensors =>
        {
            string path = _folder[$"{run++}.safetensors"];
            var metadata = new Dictionary<string, string> { ["format"] = "pt", ["note"] = "\u00e9 \"x\"\n" };
            // Small integers are exact in all three types.
            float[] Values(TensorSpec t) => Enumerable.Range(0, (int)t.ElementCount).Select(i => (float)(i - 40)).ToArray();
            using (var writer = new SafetensorsWriter(path, tensors, metadata))
            {
                foreach (TensorSpec tensor in tensors.Reverse())
                {
                    float[] values = Values(tensor);
                    writer.Write(tensor.Name, values.AsSpan(0, values.Length / 2));
                    writer.Write(tensor.Name, values.AsSpan(values.Length / 2));
                }
                writer.Complete();
            }
            using SafetensorsFile file = SafetensorsFile.Open(path);
            Assert.Equal(metadata, file.Metadata);
            Assert.Equal(tensors.Select(t => t.Name).Order(), file.Tensors.Keys.Order());
            foreach (TensorSpec tensor in tensors)
            {
                Assert.Equal(tensor.DType, file[tensor.Name].DType);
                Assert.Equal(tensor.Shape, file[tensor.Name].Shape);
                Assert.Equal(Values(tensor), file.ReadSingles(tensor.Name));
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Open_FileCutAtEveryByte_NamesTheFile()
    {
        byte[] whole = File.ReadAllBytes(Sample());
        for (int length = 0; length < whole.Length; length++)
        {
            string path = _folder["cut.safetensors"];
            File.WriteAllBytes(path, whole[..length]);
            var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path).Dispose());
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Open_AnyHeaderByteChanged_ThrowsInvalidDataOrStaysInBounds()
    {
        byte[] whole = File.ReadAllBytes(Sample());
        int header = 8 + (int)BinaryPrimitives.ReadUInt64LittleEndian(whole);
        foreach (byte change in new byte[] { 0, (byte)'9', (byte)'"', 0xFF })
        {
            for (int i = 0; i < header; i++)
            {
                byte[] bad = [.. whole];
                bad[i] = change;
                string path = _folder["changed.safetensors"];
                File.WriteAllBytes(path, bad);
                try
                {
                    using SafetensorsFile file = SafetensorsFile.Open(path);
                    foreach (string name in file.Tensors.Keys)
                        file.ReadSingles(name);
                }
                catch (InvalidDataException e)
                {
                    Assert.Contains(path, e.Message, StringComparison.Ordinal);
                }
            }
        }
    }

    public static TheoryData<string, string> Lies => new()
    {
        { """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,12]}}""", "'w' of F32 [2] takes 8 bytes" },
        { """{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}""", "truncated" },
        { """{"w":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "hole" },
        { """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", "the file has" },
        { """{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "'w' lies at bytes 8 to 0" },
        { """{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "-2" },
        { """{"w":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,12]}}""", "overflows" },
        { """{"w":{"dtype":"F31","shape":[3],"data_offsets":[0,12]}}""", "F31" },
        { """{"w":{"shape":[3],"data_offsets":[0,12]}}""", "'w' lacks" },
        { """{"w":{"dtype":"F32","shape":3,"data_offsets":[0,12]}}""", "shape is not an array" },
        { """{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12],"x":1}}""", "'x'" },
        { """{"w":[]}""", "'w'" },
        { """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", "overlap" },
        { """{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""",
            "'a' appears twice" },
        { """{"__metadata__":{"a":1}}""", "'a' is not text" },
        { """{"w":""", "not valid JSON" },
        { "[1]", "not a JSON object" },
        { "{\"\\ud800\":{}}", "not valid JSON" },
    };

    [Theory]
    [MemberData(nameof(Lies))]
    public void Open_HeaderThatLies_SaysWhatIsWrong(string header, string expected)
    {
        string path = Write(header, 12);
        var error = Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(path).Dispose());
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1UL << 40)]
    [InlineData(99UL)]
    public void Open_HeaderLengthBeyondTheFile_Throws(ulong length)
    {
        byte[] bytes = new byte[40];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length);
        File.WriteAllBytes(_folder["long.safetensors"], bytes);
        Assert.Throws<InvalidDataException>(() => SafetensorsFile.Open(_folder["long.safetensors"]).Dispose());
    }

    [Fact]
    public void Open_OddHeaderLength_ReadsUnalignedData()
    {
        string header = """{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}""";
        using SafetensorsFile file = SafetensorsFile.Open(Write(header + new string(' ', 8 - (header.Length % 8) + 1), 12));
        Assert.Equal(new float[3], file.ReadSingles("w"));
    }

    [Fact]
    public void Read_IntegersAndDoubles_BecomeSingles()
    {
        string path = _folder["types.safetensors"];
        TensorDType[] types = [TensorDType.I64, TensorDType.I32, TensorDType.I16, TensorDType.I8, TensorDType.U8, TensorDType.U64,
            TensorDType.F64, TensorDType.Bool, TensorDType.U32, TensorDType.U16];
        using (var writer = new SafetensorsWriter(path, types.Select(t => new TensorSpec(t.ToString(), t, [2]))))
        {
            foreach (TensorDType type in types)
            {
                byte[] bytes = new byte[2 * type.Size()];
                bytes[0] = 1;
                if (type == TensorDType.F64)
                    BinaryPrimitives.WriteDoubleLittleEndian(bytes, 1);
                if (type is TensorDType.I64 or TensorDType.I32 or TensorDType.I16 or TensorDType.I8)
                    bytes.AsSpan(type.Size()).Fill(0xFF);
                writer.WriteBytes(type.ToString(), bytes);
            }
            writer.Complete();
        }
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach (TensorDType type in types)
            Assert.Equal([1f, type is TensorDType.I64 or TensorDType.I32 or TensorDType.I16 or TensorDType.I8 ? -1f : 0f],
                file.ReadSingles(type.ToString()));
        Assert.Equal([1, -1], file.ReadInt32s("I32"));
    }

    [Fact]
    public void Read_WrongCountOrName_NamesTheTensor()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Sample());
        Assert.Contains("'b'", Assert.Throws<InvalidDataException>(() => file.Read("b", new float[2])).Message, StringComparison.Ordinal);
        Assert.Contains("'none'", Assert.Throws<InvalidDataException>(() => file.Read("none", new float[2])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_AfterDispose_Throws()
    {
        SafetensorsFile file = SafetensorsFile.Open(Sample());
        Assert.Equal(20, file.Bytes("b").Length);
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Bytes("b"));
        Assert.Throws<ObjectDisposedException>(() => file.ReadSingles("b"));
    }

    [Fact]
    public void Read_FileCutWhileOpen_NamesTheTensor()
    {
        using SafetensorsFile file = SafetensorsFile.Open(Sample());
        using (var stream = new FileStream(file.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
            stream.SetLength(stream.Length - 1);
        Assert.Equal([1, 2, 3, 4, 5], file.ReadSingles("b")); // the wider type comes first in the file
        Assert.Contains("'a'", Assert.Throws<InvalidDataException>(() => file.ReadSingles("a")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_TensorLargerThanTheBuffer_IsWhole()
    {
        string path = _folder["large.safetensors"];
        float[] values = Enumerable.Range(0, 300_001).Select(i => (float)(i % 251)).ToArray(); // exact in 16 bits
        TensorDType[] types = [TensorDType.F32, TensorDType.BF16, TensorDType.F16];
        using (var writer = new SafetensorsWriter(path, types.Select(t => new TensorSpec(t.ToString(), t, [values.Length]))))
        {
            foreach (TensorDType type in types)
                writer.Write(type.ToString(), values);
            writer.Complete();
        }
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach (TensorDType type in types)
            Assert.Equal(values, file.ReadSingles(type.ToString()));
    }

    private string Sample()
    {
        string path = _folder["sample.safetensors"];
        using var writer = new SafetensorsWriter(path, [new("a", TensorDType.BF16, [3, 2]), new("b", TensorDType.F32, [5])],
            new Dictionary<string, string> { ["format"] = "pt" });
        writer.Write("a", [1, 2, 3, 4, 5, 6]);
        writer.Write("b", [1, 2, 3, 4, 5]);
        writer.Complete();
        return path;
    }

    private string Write(string header, int dataBytes)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        byte[] bytes = new byte[8 + json.Length + dataBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)json.Length);
        json.CopyTo(bytes, 8);
        string path = _folder["crafted.safetensors"];
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
