using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Llama.Tests;

/// <summary>What the two engines accumulated from the same batch.</summary>
internal static class EngineComparison
{
    /// <summary>Every gradient within 1e-4 of its tensor's own largest entry.</summary>
    public static void Gradients(TorchPolicy torchPolicy, ITrainableScorer managed, TempFolder folders)
    {
        string folder = Directory.CreateDirectory(folders["managed"]).FullName;
        managed.SaveModel(folder);
        managed.SaveTrainingState(folder);
        string state = Directory.EnumerateFiles(folder, "*.safetensors").Single(f => Path.GetFileName(f) != "model.safetensors");
        using SafetensorsFile file = SafetensorsFile.Open(state);
        foreach (ParameterShape parameter in torchPolicy.Config.Parameters())
        {
            string stored = file.Tensors.Keys.Single(k => k.EndsWith(parameter.Name, StringComparison.Ordinal)
                && k.Contains("grad", StringComparison.OrdinalIgnoreCase));
            float[] expected = file.ReadSingles(stored), actual = torchPolicy.AccumulatedGradient(parameter.Name)!;
            double largest = expected.Max(Math.Abs);
            Assert.True(largest > 0, $"{parameter.Name}: every entry is zero");
            for (int i = 0; i < expected.Length; i++)
                Golden.GoldenModels.AssertClose(expected[i], actual[i], 1e-4 * largest, $"{parameter.Name}[{i}]");
        }
    }
}
