using System.Text.Json;
using Tuna.Llama.Managed.Model;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Llama.Managed.Tests.Golden;

/// <summary>Models of each family as Transformers saved them, and what Transformers and PyTorch compute from them: make.py beside them made
/// both. The TorchSharp engine's tests read the same.</summary>
public class FamiliesGoldenTests
{
    private static readonly string Folder = Path.Combine(GoldenData.TestsFolder(), "Tuna.Llama.Tests", "Families");

    public static TheoryData<string> Models => Where(_ => true);

    public static TheoryData<string> LanguageModels => Where(c => !c.ScalarHead);

    private static TheoryData<string> Where(Func<LlamaConfig, bool> which)
    {
        var data = new TheoryData<string>();
        foreach (string folder in Directory.EnumerateDirectories(Folder).Order(StringComparer.Ordinal))
        {
            if (which(LlamaConfig.Load(folder)))
                data.Add(Path.GetFileName(folder));
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Pass_OfEachFamily_GivesTransformersOutputsAndEveryGradient(string name)
    {
        foreach (long kept in (long[])[0, 1 << 20])
        {
            using ManagedPolicy policy = Load(name, new ManagedLlamaOptions { Threads = 2, KeptActivationBytes = kept });
            using SafetensorsFile expected = Expected(name);
            (TokenGroup group, double[] weights, _) = ReadGroup();
            double[] outputs = Managed.Tests.Models.Pass(policy, [group], weights);
            AssertOutputs(expected.ReadSingles("outputs"), outputs);
            AssertGradients(policy, expected, 1);

            // Once more, added to what is there: twice the gradient.
            Managed.Tests.Models.Pass(policy, [group], weights);
            AssertGradients(policy, expected, 2);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Pass_OneResponseWithAGradient_GivesAPartOfTheWhole(string name)
    {
        // The other responses' rows are dropped, and what belongs to them: the parts add up to the golden gradient.
        using ManagedPolicy policy = Load(name, GoldenModels.TwoThreads);
        using SafetensorsFile expected = Expected(name);
        (TokenGroup group, double[] weights, _) = ReadGroup();
        for (int r = 0; r < weights.Length; r++)
            Managed.Tests.Models.Pass(policy, [group], [.. weights.Select((w, i) => i == r ? w : 0)]);
        AssertGradients(policy, expected, 1);
    }

    [Theory]
    [MemberData(nameof(LanguageModels))]
    public void Logits_OfEachFamily_AreTransformers(string name)
    {
        using var policy = (ManagedLlama)Load(name, GoldenModels.TwoThreads);
        using SafetensorsFile expected = Expected(name);
        TokenGroup group = ReadGroup().Group;
        float[] logits = expected.ReadSingles("logits"), actual = new float[logits.Length];
        policy.Logits([.. group.Prompt.Span, .. group.Responses[0].Span], actual);
        for (int i = 0; i < logits.Length; i++)
            AssertClose(logits[i], actual[i], 1e-4, $"logit {i}");
    }

    [Theory]
    [MemberData(nameof(LanguageModels))]
    public void Sample_Greedy_GivesTransformersTokens(string name)
    {
        foreach (bool speculative in (bool[])[false, true])
        {
            using var policy = (ManagedLlama)Load(name, new ManagedLlamaOptions { Threads = 2, SpeculativeDecoding = speculative });
            using SafetensorsFile expected = Expected(name);
            int[] tokens = [.. expected.ReadInt32s("greedy")];
            var request = new SamplingRequest { Prompt = ReadGroup().Group.Prompt, MaxNewTokens = 24, StopTokens = [2], Temperature = 0 };
            SampledResponse sample = Assert.Single(Assert.Single(policy.Sample([request])));
            Assert.Equal(tokens, sample.Tokens);

            // What decoding gives is what scoring gives.
            var score = new double[1];
            policy.Score([new TokenGroup("greedy", request.Prompt, [tokens], new double[1])], score);
            AssertClose(score[0], sample.LogProb, 1e-4 * Math.Max(1, Math.Abs(score[0])), "log-probability");
        }
    }

    [Theory]
    [MemberData(nameof(LanguageModels))]
    public void ApplyGradients_Once_GivesPyTorchsParameters(string name)
    {
        using ManagedPolicy policy = Load(name, GoldenModels.TwoThreads);
        using SafetensorsFile expected = Expected(name);
        (TokenGroup group, double[] weights, AdamWStep step) = ReadGroup();
        Managed.Tests.Models.Pass(policy, [group], weights);
        policy.ApplyGradients(step);
        foreach (ParameterSlot slot in policy.Parameters.Slots)
        {
            float[] after = expected.ReadSingles("after." + slot.Name), gradient = expected.ReadSingles("grad." + slot.Name);
            ReadOnlySpan<float> actual = policy.Parameters.WeightsOf(slot);
            for (int i = 0; i < after.Length; i++)
            {
                // The first step moves by nearly lr * sign(gradient); where the gradient is of the size of eps, rounding decides.
                bool sure = gradient[i] == 0 || Math.Abs(gradient[i]) > 1e-4;
                AssertClose(after[i], actual[i], sure ? 1e-5 : 2 * step.LearningRate, $"{slot.Name}[{i}]");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void SaveModel_OfEachFamily_WritesTheSameTensorsAndArchitecture(string name)
    {
        using var saved = new TempFolder();
        using (ManagedPolicy policy = Load(name, GoldenModels.TwoThreads))
            policy.SaveModel(saved.Root);
        using CheckpointReader expected = CheckpointReader.Open(Path.Combine(Folder, name)), actual = CheckpointReader.Open(saved.Root);
        Assert.Equal(expected.Names.Order(StringComparer.Ordinal), actual.Names.Order(StringComparer.Ordinal));
        Assert.All(expected.Names, n => Assert.True(expected.Bytes(n).SequenceEqual(actual.Bytes(n)), n));
        LlamaConfig before = LlamaConfig.Load(Path.Combine(Folder, name)), after = LlamaConfig.Load(saved.Root);
        Assert.Equal(before with { EosTokenIds = after.EosTokenIds }, after);
        Assert.Equal(before.EosTokenIds, after.EosTokenIds);
    }

    [Theory]
    [MemberData(nameof(LanguageModels))]
    public void TrainingState_OfEachFamily_GoesOnWithTheSameBits(string name)
    {
        using var saved = new TempFolder();
        (TokenGroup group, double[] weights, AdamWStep step) = ReadGroup();
        using ManagedPolicy first = Load(name, GoldenModels.TwoThreads), second = Load(name, GoldenModels.TwoThreads);
        Managed.Tests.Models.Pass(first, [group], weights);
        first.ApplyGradients(step);
        first.SaveModel(saved.Root);
        first.SaveTrainingState(saved.Root);
        second.LoadTrainingState(saved.Root);
        foreach (ManagedPolicy policy in (ManagedPolicy[])[first, second])
        {
            Managed.Tests.Models.Pass(policy, [group], weights);
            policy.ApplyGradients(step with { Step = 2 });
        }

        Assert.Equal(Managed.Tests.Models.Weights(first), Managed.Tests.Models.Weights(second));
    }

    [Fact]
    public void Create_WithBiasesAndNorms_BeginsWithZerosAndOnes()
    {
        LlamaConfig config = Managed.Tests.Models.Config
            with { QueryKeyValueBias = true, OutputBias = true, MlpBias = true, QueryKeyNorm = true };
        using ManagedLlama policy = ManagedLlama.Create(config, GoldenModels.TwoThreads with { Seed = 1 });
        Assert.Equal(config.Parameters().Select(p => p.Name).Order(StringComparer.Ordinal),
            policy.Parameters.Slots.Select(s => s.Name).Order(StringComparer.Ordinal));
        foreach (ParameterSlot slot in policy.Parameters.Slots.Where(s => s.Shape.Count == 1))
            Assert.False(policy.Parameters.WeightsOf(slot).ContainsAnyExcept(slot.Name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1),
                slot.Name);
    }

    private static ManagedPolicy Load(string name, ManagedLlamaOptions options)
    {
        string folder = Path.Combine(Folder, name);
        return LlamaConfig.Load(folder).ScalarHead ? ManagedRewardModel.Load(folder, options) : ManagedLlama.Load(folder, options);
    }

    private static SafetensorsFile Expected(string name) => SafetensorsFile.Open(Path.Combine(Folder, name, "expected.safetensors"));

    private static (TokenGroup Group, double[] Weights, AdamWStep Step) ReadGroup()
    {
        using JsonDocument json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "group.json")));
        ReadOnlyMemory<int>[] responses =
            [.. json.RootElement.GetProperty("responses").EnumerateArray().Select(r => (ReadOnlyMemory<int>)Ints(r))];
        double[] weights = [.. json.RootElement.GetProperty("weights").EnumerateArray().Select(w => w.GetDouble())];
        JsonElement adamw = json.RootElement.GetProperty("adamw");
        var step = new AdamWStep(1, adamw.GetProperty("lr").GetDouble(), 1, new AdamWSettings
        {
            Beta1 = adamw.GetProperty("betas")[0].GetDouble(),
            Beta2 = adamw.GetProperty("betas")[1].GetDouble(),
            Epsilon = adamw.GetProperty("eps").GetDouble(),
            WeightDecay = adamw.GetProperty("weight_decay").GetDouble(),
        });
        return (new TokenGroup("families", Ints(json.RootElement.GetProperty("prompt")), responses, new double[responses.Length]), weights,
            step);

        static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(t => t.GetInt32())];
    }

    private static void AssertOutputs(float[] expected, double[] actual)
    {
        for (int r = 0; r < expected.Length; r++)
            AssertClose(expected[r], actual[r], 1e-5 * Math.Max(1, Math.Abs(expected[r])), $"output {r}");
    }

    private static void AssertGradients(ManagedPolicy policy, SafetensorsFile expected, int times)
    {
        IReadOnlyList<ParameterSlot> slots = policy.Parameters.Slots;
        Assert.Equal(
            expected.Tensors.Keys.Where(k => k.StartsWith("grad.", StringComparison.Ordinal)).Select(k => k["grad.".Length..])
                .Order(StringComparer.Ordinal),
            slots.Select(s => s.Name).Order(StringComparer.Ordinal));
        double scale = slots.Max(s => expected.ReadSingles("grad." + s.Name).Max(Math.Abs));
        foreach (ParameterSlot slot in slots)
        {
            float[] gradient = expected.ReadSingles("grad." + slot.Name);
            Span<float> actual = policy.Parameters.GradientOf(slot);
            // A key's bias shifts all scores of a query alike: its gradient is zero but for rounding, hence the floor.
            double tolerance = times * Math.Max(1e-4 * gradient.Max(Math.Abs), 1e-6 * scale);
            for (int i = 0; i < gradient.Length; i++)
                AssertClose(times * gradient[i], actual[i], tolerance, $"{slot.Name}[{i}]");
        }
    }

    private static void AssertClose(double expected, double actual, double tolerance, string where) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{where}: expected {expected}, got {actual}, tolerance {tolerance}");
}
