using System.Text.Json;
using Tuna.Llama.Lora;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama.Benchmarks;

/// <summary>What weights in 4 bits change in a trained model: how far its distribution moves, and what adapters beside them
/// learn.</summary>
internal static class Accuracy
{
    private const int Samples = 256, Tokens = 64, Steps = 60, Groups = 8;

    public static void Run(string folder, string device)
    {
        LlamaPolicyOptions exact = new() { Device = device, ComputeType = TensorDType.F32, Trainable = false };
        using LlamaPolicy full = LlamaPolicy.Load(folder, exact),
            packed = LlamaPolicy.Load(folder, exact with { BaseWeights = WeightPrecision.Nf4 }),
            rounded = LlamaPolicy.Load(folder, exact with { ComputeType = TensorDType.BF16 });
        // Text of the model's own: the mean difference of the log-probabilities is then the divergence KL(full || other), sampled.
        int begin = full.Config.BosTokenId ?? 1;
        TokenGroup[] drawn = [.. full.Sample(
            [new SamplingRequest { Prompt = new[] { begin }, Count = Samples, MaxNewTokens = Tokens, Seed = 1 }])[0]
            .Select((s, i) => new TokenGroup($"{i}", new[] { begin }, [s.Tokens.ToArray()], new double[1]))];
        double tokens = drawn.Sum(g => g.Responses[0].Length);
        double[] Scores(LlamaPolicy policy)
        {
            var scores = new double[drawn.Length];
            policy.Score(drawn, scores);
            return scores;
        }

        double[] expected = Scores(full);
        foreach ((string name, LlamaPolicy policy) in new[] { ("nf4", packed), ("bf16", rounded) })
        {
            double[] scores = Scores(policy);
            Report(new()
            {
                ["mode"] = "nf4",
                ["weights"] = name,
                ["tokens"] = tokens,
                ["nll_per_token"] = -expected.Sum() / tokens,
                ["kl_per_token"] = expected.Zip(scores, (a, b) => a - b).Sum() / tokens,
            });
        }

        foreach (WeightPrecision weights in Enum.GetValues<WeightPrecision>())
            Report(new()
            {
                ["mode"] = "nf4-lora",
                ["weights"] = weights.ToString(),
                ["losses"] = Learn(folder, device, weights, drawn[..(Groups * 4)]),
            });
    }

    /// <summary>Loss before the first step and after the last, of adapters that learn some groups by heart.</summary>
    private static double[] Learn(string folder, string device, WeightPrecision weights, TokenGroup[] drawn)
    {
        using LlamaPolicy policy = LlamaPolicy.Load(folder, new()
        {
            Device = device,
            ComputeType = TensorDType.F32,
            BaseWeights = weights,
            Lora = new LoraOptions { Rank = 16, Alpha = 32 },
        });
        TokenGroup[] groups = [.. drawn.Chunk(4)
            .Select(four => new TokenGroup("group", four[0].Prompt, [.. four.Select(g => g.Responses[0])], new double[] { 4, 3, 2, 1 }))];
        var losses = new List<double>();
        for (int step = 1; step <= Steps + 1; step++)
        {
            using (IForwardPass pass = policy.Forward(groups))
            {
                double[] gradient = Measured.Gradient(groups, pass.Values, out double value);
                losses.Add(Math.Round(value, 4));
                pass.Backward(gradient);
            }

            policy.ApplyGradients(new AdamWStep(step, 1e-3, 1, new AdamWSettings()));
        }

        return [losses[0], losses[Steps / 2], losses[Steps]];
    }

    private static void Report(Dictionary<string, object> values) => Console.WriteLine(JsonSerializer.Serialize(values));
}
