using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests;

/// <summary>Small random models and batches.</summary>
internal static class Models
{
    public static readonly LlamaConfig Config = new()
    {
        VocabularySize = 61,
        HiddenSize = 24,
        IntermediateSize = 40,
        LayerCount = 2,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        HeadDimension = 6,
        ContextLength = 512,
        InitializerRange = 0.3,
        TieWordEmbeddings = true,
    };

    public static ManagedLlama Create(int threads = 2, ulong seed = 1) =>
        ManagedLlama.Create(Config, new() { Seed = seed, Threads = threads });

    public static int[] Tokens(int count, ulong seed)
    {
        var rng = new Rng(seed);
        var tokens = new int[count];
        for (int i = 0; i < count; i++)
            tokens[i] = rng.Next(Config.VocabularySize);
        return tokens;
    }

    public static TokenGroup Group(string id, int prompt, ulong seed, params int[] lengths) =>
        new(id, Tokens(prompt, seed), [.. lengths.Select((n, k) => (ReadOnlyMemory<int>)Tokens(n, seed + 100 + (ulong)k))],
            new double[lengths.Length]);

    /// <summary>Three groups with responses of one token, of some, and long enough for several blocks of queries.</summary>
    public static TokenGroup[] Groups() => [Group("a", 5, 1, 3, 1, 9, 4), Group("b", 130, 2, 2, 110), Group("c", 1, 3, 7, 1, 1)];

    public static float[] Gradients(ManagedPolicy policy) =>
        [.. policy.Parameters.Slots.SelectMany(s => policy.Parameters.GradientOf(s).ToArray())];

    public static float[] Weights(ManagedPolicy policy) =>
        [.. policy.Parameters.Slots.SelectMany(s => policy.Parameters.WeightsOf(s).ToArray())];

    /// <summary>A pass with the given gradient of the log-probabilities.</summary>
    public static double[] Pass(ManagedPolicy policy, IReadOnlyList<TokenGroup> groups, params double[] gradient)
    {
        using IForwardPass pass = policy.Forward(groups);
        double[] logProbs = pass.Values.ToArray();
        if (gradient.Length > 0)
            pass.Backward(gradient);
        return logProbs;
    }

    /// <summary>Compares in units of the largest entry.</summary>
    public static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, double relative)
    {
        Assert.Equal(expected.Length, actual.Length);
        double largest = 1e-30;
        foreach (float x in expected)
            largest = Math.Max(largest, Math.Abs(x));
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= relative * largest,
                $"[{i}]: expected {expected[i]}, got {actual[i]}, largest {largest}");
    }
}
