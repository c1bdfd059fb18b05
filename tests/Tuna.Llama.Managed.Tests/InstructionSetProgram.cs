using System.Globalization;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Sampling;
using Tuna.Models.Sampling;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests;

/// <summary>What the child processes do in which <see cref="InstructionSetTests"/> runs the engine with instruction sets switched
/// off.</summary>
internal static class InstructionSetProgram
{
    private static readonly double[] Gradient = [0.5, -1, 0.25, 2, -0.125, 1, 1, -3, 0.75];

    public const string Argument = "--instruction-set";

    public static void Run()
    {
        Console.WriteLine(Gemm.InstructionSet);
        foreach (double x in Results())
            Console.WriteLine(x.ToString("R", CultureInfo.InvariantCulture));
    }

    /// <summary>What passes through every kernel: scores, a gradient's norm, scores after a step, samples with their log-probabilities,
    /// drafted, and also from weights in bfloat16; what noise alone decides.</summary>
    public static unsafe double[] Results()
    {
        using ManagedLlama policy = Models.Create(),
            rounded = ManagedLlama.Create(Models.Config, new() { Seed = 1, Threads = 2, Decoding = DecodingPrecision.BFloat16 });
        var results = new List<double>(Models.Pass(policy, Models.Groups(), Gradient)) { policy.GradientNorm() };
        policy.ApplyGradients(new AdamWStep(1, 1e-3, 1, new AdamWSettings { WeightDecay = 0.1 }));
        results.AddRange(Models.Pass(policy, Models.Groups()));
        foreach (ManagedLlama each in (ManagedLlama[])[policy, rounded])
        {
            SampledResponse sample = each.Sample(
                [new SamplingRequest { Prompt = Models.Tokens(9, 1), MaxNewTokens = 8, Temperature = 0 }])[0][0];
            results.AddRange(sample.Tokens.Select(t => (double)t));
            results.Add(sample.LogProb);
        }

        SampledResponse drawn = policy.Sample([new SamplingRequest { Prompt = Models.Tokens(9, 1), MaxNewTokens = 24, Seed = 3 }])[0][0];
        results.AddRange(drawn.Tokens.Select(t => (double)t));
        results.Add(policy.Speculated.Accepted);
        for (int place = 0; place < 20; place++)
            results.Add(new GumbelNoise(1, place).ArgMax(new float[1003], 0, 1));

        return [.. results];
    }
}
