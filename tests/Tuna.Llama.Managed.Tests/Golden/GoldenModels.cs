using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Testing;

namespace Tuna.Llama.Managed.Tests.Golden;

/// <summary>What the golden folder holds, found by looking, so that other data of the same layout is tested as well.</summary>
internal static class GoldenModels
{
    public static readonly ManagedLlamaOptions TwoThreads = new() { Threads = 2 };

    public static ManagedLlama Load(string name) => ManagedLlama.Load(GoldenData.FilePath("models", name), TwoThreads);

    /// <summary>Pairs of model and batch with reference logits.</summary>
    public static TheoryData<string, string> LogitBatches()
    {
        var data = new TheoryData<string, string>();
        foreach (string file in Directory.EnumerateFiles(GoldenData.FilePath("logits"), "*.safetensors").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(file); // MODEL.BATCH
            int dot = name.LastIndexOf('.');
            data.Add(name[..dot], name[(dot + 1)..]);
        }

        return data;
    }

    public static TheoryData<string> Generations() => Names("generate", "*.json");

    public static TheoryData<string> TrainedModels() => Names("train_step", "*.json");

    /// <summary>Trained models and conventions.</summary>
    public static TheoryData<string, string> Conventions()
    {
        var data = new TheoryData<string, string>();
        foreach (string file in Directory.EnumerateFiles(GoldenData.FilePath("train_step"), "*.json").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            foreach (var convention in GoldenData.Json("train_step", name + ".json").GetProperty("conventions").EnumerateObject())
                data.Add(name, convention.Name);
        }

        return data;
    }

    public static SafetensorsFile Open(params string[] parts) => SafetensorsFile.Open(GoldenData.FilePath(parts));

    private static TheoryData<string> Names(string folder, string pattern)
    {
        var data = new TheoryData<string>();
        foreach (string file in Directory.EnumerateFiles(GoldenData.FilePath(folder), pattern).Order(StringComparer.Ordinal))
            data.Add(Path.GetFileNameWithoutExtension(file));
        return data;
    }
}
