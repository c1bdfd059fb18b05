using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Testing;

namespace Tuna.Models.Tests.Checkpoints;

public sealed class CheckpointGoldenTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Models =>
        [.. Directory.GetDirectories(GoldenData.FilePath("models")).Select(f => Path.GetFileName(f)!).Order()];

    [Theory]
    [MemberData(nameof(Models))]
    public void Open_GoldenModel_HasExactlyTheParametersOfItsConfig(string model)
    {
        LlamaConfig config = LlamaConfig.Load(GoldenData.FilePath("models", model));
        using CheckpointReader reader = CheckpointReader.Open(GoldenData.FilePath("models", model));
        CheckpointDifferences differences = reader.Compare(config.Parameters());
        differences.ThrowIfUnusable();
        Assert.Empty(differences.Unexpected);
        Assert.All(reader.Names, name => Assert.Equal(config.DType, reader[name].DType));
        long parameters = GoldenData.Json("logits", "noise.json").TryGetProperty(model, out var noise)
            && noise.TryGetProperty("parameters", out var count) ? count.GetInt64() : -1;
        if (parameters >= 0)
            Assert.Equal(parameters, config.Parameters().Sum(p => p.ElementCount));
    }

    [Fact]
    public void Writer_EveryGoldenSafetensorsFile_RewritesThePythonLibrarysBytes()
    {
        string[] files = Directory.GetFiles(GoldenData.FilePath("models"), "*.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(files);
        foreach (string path in files)
        {
            string copy = _folder["copy.safetensors"];
            using (SafetensorsFile file = SafetensorsFile.Open(path))
            using (var writer = new SafetensorsWriter(copy, file.Tensors.Values.Select(t => new TensorSpec(t.Name, t.DType, t.Shape)),
                file.Metadata))
            {
                // Through singles and back, so that this also checks widening and rounding.
                foreach (string name in file.Tensors.Keys)
                    writer.Write(name, file.ReadSingles(name));
                writer.Complete();
            }
            Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(File.ReadAllBytes(copy)), path);
        }
    }

    [Fact]
    public void Parse_BothLayoutsOfOneModel_AreTheSameConfig()
    {
        string[] legacy = Directory.GetFiles(GoldenData.FilePath("models"), "config.legacy.json", SearchOption.AllDirectories);
        Assert.NotEmpty(legacy);
        foreach (string path in legacy)
        {
            byte[] a = LlamaConfig.Load(path).ToJson(), b = LlamaConfig.Load(Path.GetDirectoryName(path)!).ToJson();
            Assert.Equal(a, b);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void ToJson_EitherLayout_ParsesToTheSameConfig(string model)
    {
        LlamaConfig config = LlamaConfig.Load(GoldenData.FilePath("models", model));
        foreach (LlamaConfigLayout layout in Enum.GetValues<LlamaConfigLayout>())
        {
            LlamaConfig again = LlamaConfig.Parse(config.ToJson(layout));
            Assert.Equal(config with { EosTokenIds = [] }, again with { EosTokenIds = [] });
            Assert.Equal(config.EosTokenIds, again.EosTokenIds);
        }
    }

    [Fact]
    public void Write_WithSmallShards_GivesTheSameTensors()
    {
        string source = GoldenData.FilePath("models", "sharded");
        LlamaConfig config = LlamaConfig.Load(source);
        using CheckpointReader original = CheckpointReader.Open(source);
        foreach (long limit in new[] { 1L, 20_000, CheckpointWriter.DefaultMaxShardBytes })
        {
            string folder = Directory.CreateDirectory(_folder[$"{limit}"]).FullName;
            CheckpointWriter.Write(folder, config.Parameters().Select(p => new TensorSpec(p.Name, config.DType, p.Shape)).ToList(),
                (w, t) => w.WriteBytes(t.Name, original.Bytes(t.Name)), limit);
            using CheckpointReader copy = CheckpointReader.Open(folder);
            copy.Compare(config.Parameters()).ThrowIfUnusable();
            Assert.All(copy.Names, name => Assert.True(original.Bytes(name).SequenceEqual(copy.Bytes(name))));
            Assert.Equal(limit < 1_000_000, File.Exists(Path.Combine(folder, "model.safetensors.index.json")));
        }
    }
}
