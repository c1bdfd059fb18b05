using System.Security.Cryptography;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;
using Tuna.Testing;

namespace Tuna.Cli.Tests.Models;

public sealed class ModelFolderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A run's checkpoint that is given as a model was loaded with whatever a flipped bit had made of its weights.</summary>
    [Fact]
    public void Require_CheckpointWithAByteChanged_IsRefusedByTheFilesName()
    {
        string[] files = ["config.json", "model.safetensors"];
        foreach (string file in files)
            File.WriteAllText(_folder[file], "content of " + file);
        File.WriteAllLines(_folder["checksums.sha256"],
            files.Select(f => $"{Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_folder[f])))}  {f}"));
        File.WriteAllText(_folder["tokenizer.json"], "put beside later");
        ModelFolder.Require(_folder.Root);

        foreach (string file in files)
        {
            string whole = File.ReadAllText(_folder[file]);
            File.WriteAllText(_folder[file], whole[..^1] + "?");
            Assert.Contains(_folder[file], Assert.Throws<StageException>(() => ModelFolder.Require(_folder.Root)).Message,
                StringComparison.Ordinal);
            File.Delete(_folder[file]);
            Assert.Throws<StageException>(() => ModelFolder.Require(_folder.Root));
            File.WriteAllText(_folder[file], whole);
        }

        File.AppendAllText(_folder["checksums.sha256"], "0000  ../outside\n");
        Assert.Contains("checksums.sha256", Assert.Throws<StageException>(() => ModelFolder.Require(_folder.Root)).Message,
            StringComparison.Ordinal);
    }
}
