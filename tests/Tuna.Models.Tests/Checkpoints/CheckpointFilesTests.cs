using Tuna.Models.Checkpoints;
using Tuna.Testing;

namespace Tuna.Models.Tests.Checkpoints;

public sealed class CheckpointFilesTests : IDisposable
{
    private static readonly TensorSpec[] Specs = [new("b", TensorDType.F32, [3]), new("a", TensorDType.BF16, [2, 2])];
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    private static void Fill(CheckpointFiles files)
    {
        using (SafetensorsWriter writer = files.Open("model.safetensors", Specs, new Dictionary<string, string> { ["format"] = "pt" }))
        {
            writer.Write("a", [1, 2]);
            writer.Write("b", [1, 2, 3]);
            writer.Write("a", [3, 4]);
            writer.Complete();
        }

        CheckpointWriter.Write(files, Specs, (writer, spec) => writer.Write(spec.Name, new float[spec.ElementCount]), maxShardBytes: 8);
        files.Write("config.json", "{}"u8);
    }

    private static Dictionary<string, string> Bytes(string folder) =>
        Directory.GetFiles(folder).ToDictionary(f => Path.GetFileName(f), f => Convert.ToHexString(File.ReadAllBytes(f)));

    private string New(string name) => Directory.CreateDirectory(_temp[name]).FullName;

    [Fact]
    public void Save_FromMemory_WritesTheFilesOfAFolder()
    {
        string direct = New("direct"), first = New("first"), second = New("second");
        using CheckpointFiles folder = CheckpointFiles.InFolder(direct), memory = CheckpointFiles.InMemory(long.MaxValue);
        Fill(folder);
        Fill(memory);
        memory.Save(first);
        memory.Save(second);
        Assert.Equal(5, Bytes(direct).Count); // one file alone, two shards, their index, the config
        Assert.Equal(Bytes(direct), Bytes(first));
        Assert.Equal(Bytes(direct), Bytes(second));
    }

    [Fact]
    public void Open_LessRoomThanBytes_IsRefusedBeforeAnythingIsWritten()
    {
        Fill(CheckpointFiles.InFolder(New("direct")));
        long all = new DirectoryInfo(_temp["direct"]).GetFiles().Sum(f => f.Length);
        using CheckpointFiles fits = CheckpointFiles.InMemory(all), small = CheckpointFiles.InMemory(all - 1);
        Fill(fits);
        Assert.Throws<InsufficientMemoryException>(() => Fill(small));
    }

    [Fact]
    public void Dispose_WriterNotComplete_LeavesNoFile()
    {
        using CheckpointFiles memory = CheckpointFiles.InMemory(long.MaxValue);
        using (SafetensorsWriter writer = memory.Open("half.safetensors", Specs))
            writer.Write("b", [1, 2]);
        memory.Save(New("to"));
        Assert.Empty(Directory.GetFileSystemEntries(_temp["to"]));
    }

    [Fact]
    public void Save_Disposed_Throws()
    {
        CheckpointFiles memory = CheckpointFiles.InMemory(long.MaxValue);
        Fill(memory);
        memory.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Save(New("to")));
        Assert.Throws<ObjectDisposedException>(() => memory.Write("x", []));
    }
}
