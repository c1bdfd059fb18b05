using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Testing;

namespace Tuna.Models.Tests.Checkpoints;

public sealed class CheckpointReaderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_PickledWeightsOnly_SaysHowToConvert()
    {
        File.WriteAllBytes(_folder["pytorch_model.bin"], [1]);
        Assert.Contains("safe_serialization", Assert.Throws<InvalidDataException>(() => CheckpointReader.Open(_folder.Root)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Open_EmptyOrMissingFolder_Throws()
    {
        Assert.Throws<InvalidDataException>(() => CheckpointReader.Open(_folder.Root));
        Assert.Throws<DirectoryNotFoundException>(() => CheckpointReader.Open(_folder["none"]));
    }

    [Theory]
    [InlineData("""{"weight_map":{"a":"gone.safetensors"}}""", "gone.safetensors")]
    [InlineData("""{"weight_map":{"zz":"s1.safetensors"}}""", "'zz' is not in shard")]
    [InlineData("""{"weight_map":{"a":"../s1.safetensors"}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":1}}""", "'a'")]
    [InlineData("""{"weight_map":{"a":"s1.safetensors","a":"s1.safetensors"}}""", "twice")]
    [InlineData("""{"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}}""", "is also in")]
    [InlineData("""{}""", "weight_map")]
    [InlineData("""{""", "JSON")]
    public void Open_BadIndex_SaysWhat(string index, string expected)
    {
        foreach (string shard in new[] { "s1.safetensors", "s2.safetensors" })
        {
            using var writer = new SafetensorsWriter(_folder[shard], [new("a", TensorDType.F32, [1]), new("b", TensorDType.F32, [1])]);
            writer.Write("a", [1]);
            writer.Write("b", [1]);
            writer.Complete();
        }
        File.WriteAllText(_folder["model.safetensors.index.json"], index);
        Assert.Contains(expected, Assert.Throws<InvalidDataException>(() => CheckpointReader.Open(_folder.Root)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_DifferentModel_NamesMissingUnexpectedAndWrongShapes()
    {
        using (var writer = new SafetensorsWriter(_folder["model.safetensors"],
            [new("a", TensorDType.F32, [1]), new("x", TensorDType.F32, [1])]))
        {
            writer.Write("a", [1]);
            writer.Write("x", [1]);
            writer.Complete();
        }
        using CheckpointReader reader = CheckpointReader.Open(_folder.Root);
        CheckpointDifferences missing = reader.Compare([new("a", [1]), new("b", [2, 3])]);
        Assert.Equal("b", Assert.Single(missing.Missing).Name);
        Assert.Equal("x", Assert.Single(missing.Unexpected));
        Assert.Contains("b [2, 3]", Assert.Throws<InvalidDataException>(missing.ThrowIfUnusable).Message, StringComparison.Ordinal);
        CheckpointDifferences wrong = reader.Compare([new("a", [1, 1]), new("x", [1])]);
        Assert.Contains("a [1, 1], found [1]", Assert.Throws<InvalidDataException>(wrong.ThrowIfUnusable).Message,
            StringComparison.Ordinal);
    }
}
