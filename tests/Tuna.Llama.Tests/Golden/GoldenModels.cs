using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Testing;

namespace Tuna.Llama.Tests.Golden;

/// <summary>What the golden folder holds, found by looking, so that other data of the same layout is tested as well.</summary>
internal static class GoldenModels
{
    public static LlamaPolicy Load(string name, LlamaPolicyOptions? options = null) =>
        LlamaPolicy.Load(GoldenData.FilePath("models", name), options ?? new LlamaPolicyOptions { ComputeType = TensorDType.F32 });

    public static TheoryData<string, string> LogitBatches()
    {
        var data = new TheoryData<string, string>();
        foreach (string file in Directory.EnumerateFiles(GoldenData.FilePath("logits"), "*.safetensors").Order(StringComparer.Ordinal))
        {
            string[] parts = Path.GetFileNameWithoutExtension(file).Split('.');
            data.Add(parts[0], parts[1]);
        }

        return data;
    }

    public static TheoryData<string> Generations()
    {
        var data = new TheoryData<string>();
        foreach (string file in Directory.EnumerateFiles(GoldenData.FilePath("generate"), "*.json").Order(StringComparer.Ordinal))
            data.Add(Path.GetFileNameWithoutExtension(file));
        return data;
    }

    /// <summary>Trained models, conventions, and what a pass holds.</summary>
    public static TheoryData<string, string, ActivationMode> Conventions()
    {
        var data = new TheoryData<string, string, ActivationMode>();
        foreach (string file in Directory.EnumerateFiles(GoldenData.FilePath("train_step"), "*.json").Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(file);
            foreach (var convention in GoldenData.Json("train_step", name + ".json").GetProperty("conventions").EnumerateObject())
            {
                data.Add(name, convention.Name, ActivationMode.Keep);
                data.Add(name, convention.Name, ActivationMode.Recompute);
            }
        }

        return data;
    }

    public static SafetensorsFile Open(params string[] parts) => SafetensorsFile.Open(GoldenData.FilePath(parts));

    public static void AssertClose(double expected, double actual, double tolerance, string where) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{where}: expected {expected}, got {actual}, tolerance {tolerance}");
}
