using System.Text.Json;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;
using static Tuna.Llama.Tests.Golden.GoldenModels;

namespace Tuna.Llama.Tests.Families;

/// <summary>Models of each family as Transformers saved them, and what Transformers computes from them; make.py in this folder made
/// both.</summary>
public class FamiliesTests
{
    private static readonly string Folder = Path.Combine(GoldenData.TestsFolder(), "Tuna.Llama.Tests", "Families");

    public static TheoryData<string, ActivationMode> Models
    {
        get
        {
            var data = new TheoryData<string, ActivationMode>();
            foreach (string folder in Directory.EnumerateDirectories(Folder).Order(StringComparer.Ordinal))
            {
                data.Add(Path.GetFileName(folder), ActivationMode.Keep);
                data.Add(Path.GetFileName(folder), ActivationMode.Recompute);
            }

            return data;
        }
    }

    private static TorchPolicy Load(string folder, LlamaPolicyOptions options) =>
        LlamaConfig.Load(folder).ScalarHead ? LlamaRewardModel.Load(folder, options) : LlamaPolicy.Load(folder, options);

    private static (TokenGroup Group, double[] Weights) ReadGroup()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "group.json")));
        ReadOnlyMemory<int>[] responses =
            [.. json.RootElement.GetProperty("responses").EnumerateArray()
            .Select(r => (ReadOnlyMemory<int>)r.EnumerateArray().Select(t => t.GetInt32()).ToArray())];
        int[] prompt = [.. json.RootElement.GetProperty("prompt").EnumerateArray().Select(t => t.GetInt32())];
        return (new TokenGroup("families", prompt, responses, new double[responses.Length]),
            [.. json.RootElement.GetProperty("weights").EnumerateArray().Select(w => w.GetDouble())]);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Pass_OfEachFamily_GivesTransformersOutputsAndEveryGradient(string name, ActivationMode mode)
    {
        string folder = Path.Combine(Folder, name);
        using TorchPolicy policy = Load(folder, new() { ComputeType = TensorDType.F32, Activations = mode });
        (TokenGroup group, double[] weights) = ReadGroup();
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        float[] outputs = expected.ReadSingles("outputs");
        using (IForwardPass pass = policy.Forward([group]))
        {
            for (int r = 0; r < outputs.Length; r++)
                AssertClose(outputs[r], pass.Values[r], 1e-5 * Math.Max(1, Math.Abs(outputs[r])), $"output {r}");
            pass.Backward(weights);
        }

        string[] names = [.. policy.Backbone.named_parameters().Select(p => p.name)];
        Assert.Equal(expected.Tensors.Keys.Where(k => k.StartsWith("grad.", StringComparison.Ordinal)).Select(k => k["grad.".Length..])
            .Order(StringComparer.Ordinal), names.Order(StringComparer.Ordinal));
        double scale = names.Max(n => expected.ReadSingles("grad." + n).Max(Math.Abs));
        foreach (string parameter in names)
        {
            float[] gradient = expected.ReadSingles("grad." + parameter), actual = policy.AccumulatedGradient(parameter)!;
            // A key's bias shifts all scores of a query alike: its gradient is zero but for rounding, hence the floor.
            double tolerance = Math.Max(1e-4 * gradient.Max(Math.Abs), 1e-6 * scale);
            for (int i = 0; i < gradient.Length; i++)
                AssertClose(gradient[i], actual[i], tolerance, $"{parameter}[{i}]");
        }
    }

    [Theory]
    [InlineData("mistral")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("llama_linear_rope")]
    [InlineData("llama_all_biases")]
    [InlineData("llama_reward")]
    [InlineData("qwen2_reward")]
    public void SaveModel_OfEachFamily_WritesTheSameTensorsAndArchitecture(string name)
    {
        string folder = Path.Combine(Folder, name);
        using var saved = new TempFolder();
        using (TorchPolicy policy = Load(folder, new()))
            policy.SaveModel(saved.Root);
        using CheckpointReader expected = CheckpointReader.Open(Path.Combine(folder, "model.safetensors")),
            actual = CheckpointReader.Open(saved.Root);
        Assert.Equal(expected.Names.Order(StringComparer.Ordinal), actual.Names.Order(StringComparer.Ordinal));
        Assert.All(expected.Names, n => Assert.True(expected.Bytes(n).SequenceEqual(actual.Bytes(n)), n));
        Assert.Equal(Architecture(folder), Architecture(saved.Root));

        static string Architecture(string path)
        {
            using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(path, "config.json")));
            return json.RootElement.GetProperty("architectures")[0].GetString()!;
        }
    }

    [Theory]
    [InlineData("mistral")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("llama_linear_rope")]
    [InlineData("llama_all_biases")]
    public void Module_OfEachFamily_GivesTransformersLogits(string name)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using LlamaPolicy policy = LlamaPolicy.Load(Path.Combine(Folder, name), new() { ComputeType = TensorDType.F32, Trainable = false });
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(Folder, name, "expected.safetensors"));
        TokenGroup group = ReadGroup().Group;
        float[] logits = expected.ReadSingles("logits"),
            actual = policy.Model.call(
            torch.tensor([.. group.Prompt.Span, .. group.Responses[0].Span], torch.ScalarType.Int64).view(1, -1)).data<float>().ToArray();
        for (int i = 0; i < logits.Length; i++)
            AssertClose(logits[i], actual[i], 1e-4, $"logit {i}");
    }

    [Fact]
    public void RewardModel_OfTransformers_ScoresAlikeOnTheEmbeddedEngine()
    {
        string folder = Path.Combine(Folder, "llama_reward");
        using var model = Managed.ManagedRewardModel.Load(folder);
        using SafetensorsFile expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        float[] outputs = expected.ReadSingles("outputs");
        var rewards = new double[outputs.Length];
        model.Score([ReadGroup().Group], rewards);
        for (int r = 0; r < outputs.Length; r++)
            AssertClose(outputs[r], rewards[r], 1e-5, $"reward {r}");
    }
}
