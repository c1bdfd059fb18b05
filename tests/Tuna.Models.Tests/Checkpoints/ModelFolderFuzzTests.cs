using System.Text;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;
using Tuna.Testing;

namespace Tuna.Models.Tests.Checkpoints;

/// <summary>Damaged files of model folders are read as what they still say, or refused by name: never other weights, never gigabytes, never
/// another exception.</summary>
public sealed class ModelFolderFuzzTests : IDisposable
{
    private static readonly LlamaConfig s_config = new()
    {
        VocabularySize = 7,
        HiddenSize = 4,
        IntermediateSize = 6,
        LayerCount = 2,
        HeadCount = 2,
        KeyValueHeadCount = 1,
        HeadDimension = 2,
        ContextLength = 32,
        DType = TensorDType.BF16,
    };

    private readonly TempFolder _folder = new(inMemory: true);

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Configs => new()
    {
        { "llama", "" },
        { "llama",
            """ "rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":"""
                + """4,"original_max_position_embeddings":16}, """ },
        { "qwen2", """ "rope_parameters":{"rope_type":"yarn","factor":4,"beta_fast":32,"beta_slow":1,"rope_theta":10000}, """ },
        { "qwen3", """ "rope_scaling":{"type":"linear","factor":2.5}, """ },
        { "mistral", """ "sliding_window":null, """ },
    };

    [Theory]
    [MemberData(nameof(Configs))]
    public void Config_Damaged_IsRefusedByNameOrFitsTheWeights(string family, string more)
    {
        string path = _folder["config.json"];
        LlamaConfig config = s_config with { ModelType = family, QueryKeyValueBias = family == "qwen2", QueryKeyNorm = family == "qwen3" };
        Write(config);
        string text = Encoding.UTF8.GetString(config.ToJson());
        File.WriteAllText(path, "{" + more
            + (more.Contains("rope", StringComparison.Ordinal)
            ? text[1..].Replace("\"rope_scaling\": null,", "", StringComparison.Ordinal) : text[1..]));
        LlamaConfig.Load(_folder.Root);
        using CheckpointReader weights = CheckpointReader.Open(_folder.Root);
        (int taken, int refused) = Fuzzing.Run(File.ReadAllBytes(path), 3000, Rng.Derive(0, family + more), _folder.Root, input =>
        {
            File.WriteAllBytes(path, input);
            LlamaConfig read = LlamaConfig.Load(_folder.Root);
            Assert.Equal(read with { EosTokenIds = [] }, LlamaConfig.Parse(read.ToJson()) with { EosTokenIds = [] });
            weights.Check(read);
            // What passes has the tensors that are there, each of the shape that is there.
            Assert.All(read.Parameters(), p => Assert.Equal(p.Shape, weights[p.Name].Shape));
        }, typeof(InvalidDataException));
        Assert.True(taken > 100 && refused > 100, $"{taken} taken, {refused} refused");
    }

    [Theory]
    [InlineData(TensorDType.F32)]
    [InlineData(TensorDType.BF16)]
    [InlineData(TensorDType.F16)]
    public void Safetensors_HeaderDamaged_IsRefusedByNameOrGivesTheSameNumbers(TensorDType type)
    {
        Write(s_config with { DType = type });
        string path = _folder["model.safetensors"];
        byte[] whole = File.ReadAllBytes(path);
        Dictionary<string, (TensorDType Type, float[] Values)> expected;
        using (SafetensorsFile file = SafetensorsFile.Open(path))
            expected = file.Tensors.Values.ToDictionary(t => t.Name, t => (t.DType, file.ReadSingles(t.Name)));
        int header = 8 + BitConverter.ToInt32(whole);
        (int taken, int refused) = Fuzzing.Run(whole[..header], 8000, (ulong)type, _folder.Root, input =>
        {
            File.WriteAllBytes(path, [.. input, .. whole[header..]]);
            using CheckpointReader reader = CheckpointReader.Open(_folder.Root);
            reader.Check(s_config);
            foreach (string name in reader.Names)
            {
                Assert.Equal(expected[name].Type, reader[name].DType);
                float[] values = new float[expected[name].Values.Length];
                reader.Read(name, values);
                Assert.Equal(expected[name].Values, values);
            }
        }, typeof(InvalidDataException));
        Assert.True(taken > 10 && refused > 1000, $"{taken} taken, {refused} refused");
    }

    [Fact]
    public void Safetensors_DamagedAnywhere_IsRefusedByNameOrReadable()
    {
        Write(s_config);
        string path = _folder["model.safetensors"];
        (int taken, int refused) = Fuzzing.Run(File.ReadAllBytes(path), 4000, 5, path, input =>
        {
            File.WriteAllBytes(path, input);
            using SafetensorsFile file = SafetensorsFile.Open(path);
            foreach (TensorInfo tensor in file.Tensors.Values.Where(t => t.DType is TensorDType.F32 or TensorDType.BF16 or TensorDType.F16))
                Assert.Equal(tensor.ElementCount, file.ReadSingles(tensor.Name).Length);
        }, typeof(InvalidDataException));
        Assert.True(taken > 100 && refused > 1000, $"{taken} taken, {refused} refused");
    }

    [Fact]
    public void Index_Damaged_IsRefusedByNameOrGivesTheTensorsOfTheShards()
    {
        string index = _folder["model.safetensors.index.json"];
        foreach (string shard in (string[])["s1", "s2"])
        {
            using var writer = new SafetensorsWriter(_folder[shard + ".safetensors"],
                [new TensorSpec($"tensor.{shard}.a", TensorDType.F32, [3]), new TensorSpec($"tensor.{shard}.b", TensorDType.F32, [2, 2])],
                new Dictionary<string, string>());
            writer.Write($"tensor.{shard}.a", [1, 2, 3]);
            writer.Write($"tensor.{shard}.b", [1, 2, 3, 4]);
            writer.Complete();
        }

        const string map =
            """{"metadata":{"total_size":56},"weight_map":{"tensor.s1.a":"s1.safetensors","tensor.s1.b":"s1.safetensors","""
            + """ "tensor.s2.a":"s2.safetensors","tensor.s2.b":"s2.safetensors"}}""";
        (int taken, int refused) = Fuzzing.Run(Encoding.UTF8.GetBytes(map), 6000, 6, _folder.Root, input =>
        {
            File.WriteAllBytes(index, input);
            using CheckpointReader reader = CheckpointReader.Open(_folder.Root);
            Assert.All(reader.Names, name => Assert.Equal(name.EndsWith('a') ? 3 : 4, reader[name].ElementCount));
        }, typeof(InvalidDataException));
        Assert.True(taken > 100 && refused > 1000, $"{taken} taken, {refused} refused");
    }

    private void Write(LlamaConfig config)
    {
        var random = new Rng(3);
        CheckpointWriter.Write(_folder.Root, [.. config.Parameters().Select(p => new TensorSpec(p.Name, config.DType, p.Shape))],
            (writer, spec) =>
            writer.Write(spec.Name, [.. Enumerable.Range(0, (int)spec.ElementCount).Select(_ => (float)(random.Next(200) - 100) / 64)]));
        config.Save(_folder.Root);
    }
}
