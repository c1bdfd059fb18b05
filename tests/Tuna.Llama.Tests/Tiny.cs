using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Lora;
using Tuna.Losses;

namespace Tuna.Llama.Tests;

/// <summary>A tiny random model with everything that makes a difference: grouped queries, biases, a head wider than D / H, three
/// layers.</summary>
internal static class Tiny
{
    public static LlamaConfig Config { get; } = new()
    {
        ModelType = "qwen2",
        VocabularySize = 97,
        HiddenSize = 32,
        IntermediateSize = 48,
        LayerCount = 3,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        HeadDimension = 10,
        ContextLength = 64,
        QueryKeyValueBias = true,
        InitializerRange = 0.2,
        EosTokenIds = [2],
    };

    /// <summary>The same without biases, which the embedded engine does not have.</summary>
    public static LlamaConfig WithoutBiases { get; } = Config with { ModelType = "llama", QueryKeyValueBias = false };

    public static IRankingLoss Loss { get; } = new MarginRankingLoss(0.1, 1, MarginReduction.Paper);

    public static LoraOptions Lora { get; } = new() { Rank = 4, Alpha = 8 };

    public static LlamaPolicy Policy(LlamaPolicyOptions? options = null) => LlamaPolicy.Create(Config, options ?? new LlamaPolicyOptions());

    /// <summary>A policy whose adapters are no longer the identity.</summary>
    public static LlamaPolicy AdaptedPolicy(LoraOptions? lora = null, LlamaConfig? config = null)
    {
        LlamaPolicy policy = LlamaPolicy.Create(config ?? Config, new LlamaPolicyOptions { Lora = lora ?? Lora });
        for (int step = 1; step <= 3; step++)
            Batches.Train(policy, Loss, Batches.Random(2, 3, Config.VocabularySize), step, 1e-2);
        return policy;
    }

    /// <summary>Gradients of every trained parameter, by name.</summary>
    public static Dictionary<string, float[]> Gradients(TorchPolicy policy) =>
        policy.Backbone.named_parameters().Where(p => p.parameter.requires_grad)
            .ToDictionary(p => p.name, p => policy.AccumulatedGradient(p.name) ?? new float[p.parameter.numel()], StringComparer.Ordinal);

    public static void AssertClose(Dictionary<string, float[]> expected, Dictionary<string, float[]> actual, double tolerance)
    {
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (string name in expected.Keys)
        {
            double largest = expected[name].Max(Math.Abs);
            for (int i = 0; i < expected[name].Length; i++)
                Assert.True(Math.Abs(expected[name][i] - actual[name][i]) <= tolerance * largest,
                    $"{name}[{i}]: {expected[name][i]} and {actual[name][i]}, largest {largest}");
        }
    }
}
