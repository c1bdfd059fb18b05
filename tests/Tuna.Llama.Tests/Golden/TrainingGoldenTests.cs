using System.Text.Json;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;
using static Tuna.Llama.Tests.Golden.GoldenModels;

namespace Tuna.Llama.Tests.Golden;

public class TrainingGoldenTests
{
    public static TheoryData<string, string, ActivationMode> Cases => Conventions();

    private static LlamaPolicy Load(string model, ActivationMode mode) => GoldenModels.Load(model, new LlamaPolicyOptions
    {
        ComputeType = TensorDType.F32,
        Activations = mode,
    });

    [Theory]
    [MemberData(nameof(Cases))]
    public void Backward_FirstStep_GivesEveryGradient(string model, string convention, ActivationMode mode)
    {
        using LlamaPolicy policy = Load(model, mode);
        var run = new GoldenRun(model, convention);
        AssertClose(run.Golden.GetProperty("loss").GetDouble(), run.Pass(policy, out double[] scores), 1e-4, "loss");
        double[] expectedScores =
            [.. run.Golden.GetProperty("scores_before_first_step").EnumerateArray().SelectMany(g => g.EnumerateArray())
            .Select(s => s.GetDouble())];
        for (int i = 0; i < expectedScores.Length; i++)
            AssertClose(expectedScores[i], scores[i], 1e-4, $"score {i}");

        using SafetensorsFile file = Open("train_step", $"{model}.{convention}.grads.safetensors");
        // The tolerance of the golden data's own note: 1e-4 of the largest entry of all gradients.
        double largest = file.Tensors.Keys.Max(name => file.ReadSingles(name).Max(Math.Abs));
        Assert.Equal(file.Tensors.Keys.Order(StringComparer.Ordinal),
            policy.Config.Parameters().Select(p => p.Name).Order(StringComparer.Ordinal));
        foreach (string name in file.Tensors.Keys)
        {
            float[] expected = file.ReadSingles(name), actual = policy.AccumulatedGradient(name)!;
            for (int i = 0; i < expected.Length; i++)
                AssertClose(expected[i], actual[i], 1e-4 * largest, $"{name}[{i}]");
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ApplyGradients_TenSteps_FollowsElevenLosses(string model, string convention, ActivationMode mode)
    {
        using LlamaPolicy policy = Load(model, mode);
        var run = new GoldenRun(model, convention);
        double[] expected = [.. run.Golden.GetProperty("losses_before_each_step_then_after_the_last").EnumerateArray()
            .Select(l => l.GetDouble())];
        for (int step = 0; step < expected.Length; step++)
        {
            AssertClose(expected[step], run.Pass(policy, out _), 1e-3 * Math.Max(1, Math.Abs(expected[step])),
                $"loss before step {step + 1}");
            if (step + 1 < expected.Length)
                policy.ApplyGradients(run.Step(step + 1));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ApplyGradients_OnceAfterTheFirstBatch_GivesTheParameters(string model, string convention, ActivationMode mode)
    {
        string file = $"{model}.{convention}.after_one_step.safetensors";
        if (!File.Exists(GoldenData.FilePath("train_step", file)))
            return; // kept for one of the two conventions only
        using LlamaPolicy policy = Load(model, mode);
        var run = new GoldenRun(model, convention);
        run.Pass(policy, out _);
        AdamWStep step = run.Step(1);
        policy.ApplyGradients(step);

        using SafetensorsFile after = Open("train_step", file);
        using SafetensorsFile gradients = Open("train_step", $"{model}.{convention}.grads.safetensors");
        foreach ((string name, TorchSharp.Modules.Parameter parameter) in policy.Model.named_parameters())
        {
            float[] expected = after.ReadSingles(name), gradient = gradients.ReadSingles(name), actual = parameter.data<float>().ToArray();
            for (int i = 0; i < expected.Length; i++)
            {
                // The first step moves by nearly lr * sign(gradient); where the gradient is of the size of eps, rounding decides.
                bool sure = gradient[i] == 0 || Math.Abs(gradient[i]) > 1e-5;
                AssertClose(expected[i], actual[i], sure ? 1e-5 : 2 * step.LearningRate, $"{name}[{i}]");
            }
        }

        Assert.Equal(0, policy.GradientNorm());
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TwoEngines_SameCheckpointAndBatch_AgreeOnLossGradientsAndTenSteps(string model, string convention, ActivationMode mode)
    {
        using LlamaPolicy torchPolicy = Load(model, mode);
        using var managed = Managed.ManagedLlama.Load(GoldenData.FilePath("models", model));
        var run = new GoldenRun(model, convention);
        using var folders = new TempFolder();
        for (int step = 1; step <= 10; step++)
        {
            double a = run.Pass(torchPolicy, out _), b = run.Pass(managed, out _);
            AssertClose(b, a, 1e-4 * Math.Abs(b), $"loss before step {step}");
            double norm = managed.GradientNorm();
            AssertClose(norm, torchPolicy.GradientNorm(), 1e-4 * norm, $"gradient norm at step {step}");
            if (step == 1)
                EngineComparison.Gradients(torchPolicy, managed, folders);
            torchPolicy.ApplyGradients(run.Step(step));
            managed.ApplyGradients(run.Step(step));
        }

        AssertClose(run.Pass(managed, out _), run.Pass(torchPolicy, out _), 1e-4, "loss after ten steps");
    }
}
