using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Testing;

namespace Tuna.Models.Tests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Complete_TensorMissing_ThrowsAndLeavesTheOldFile()
    {
        string path = _folder["m.safetensors"];
        File.WriteAllText(path, "old");
        using (var writer = new SafetensorsWriter(path, [new("a", TensorDType.F32, [2])]))
        {
            writer.Write("a", [1]);
            Assert.Throws<InvalidOperationException>(writer.Complete);
        }
        Assert.Equal("old", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_folder.Root));
    }

    [Fact]
    public void Write_TooMuchOrUndeclared_Throws()
    {
        using var writer = new SafetensorsWriter(_folder["m.safetensors"],
            [new("a", TensorDType.F32, [2]), new("i", TensorDType.I32, [1])]);
        Assert.Throws<ArgumentException>(() => writer.Write("a", [1, 2, 3]));
        Assert.Throws<ArgumentException>(() => writer.Write("b", [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write("i", [1]));
    }

    [Fact]
    public void Constructor_DuplicateOrReservedName_Throws()
    {
        Assert.Throws<ArgumentException>(() =>
            new SafetensorsWriter(_folder["m"], [new("a", TensorDType.F32, []), new("a", TensorDType.F16, [])]));
        Assert.Throws<ArgumentException>(() => new SafetensorsWriter(_folder["m"], [new("__metadata__", TensorDType.F32, [])]));
        Assert.Empty(Directory.GetFiles(_folder.Root));
    }
}
