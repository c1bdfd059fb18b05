using Tuna.Checkpoints;
using Tuna.Llama.Managed;
using Tuna.Llama.Managed.Kernels;
using Tuna.Policies;

namespace Tuna.Benchmarks.Steps;

/// <summary>The engine under measurement, with random weights.</summary>
internal static class Engine
{
    public static string InstructionSet => Gemm.InstructionSet;

    public static ITrainablePolicy Create(LlamaConfig config, int threads, bool recomputeMlp = true, DecodingPrecision decoding = DecodingPrecision.Exact) =>
        ManagedLlama.Create(config, seed: 0, new ManagedLlamaOptions { Threads = threads, RecomputeMlp = recomputeMlp, Decoding = decoding });
}
