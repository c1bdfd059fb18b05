using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed;
using Tuna.Llama.Managed.Kernels;
using Tuna.Policies;

namespace Tuna.Benchmarks.Steps;

/// <summary>The engine under measurement, with random weights.</summary>
internal static class Engine
{
    public static string InstructionSet => Gemm.InstructionSet;

    public static ITrainablePolicy Create(LlamaConfig config, int threads, int keptMiB, bool keepNothing)
    {
        ManagedLlama model = ManagedLlama.Create(config,
            new() { Threads = threads, KeptActivationBytes = keepNothing ? 0 : (long)keptMiB << 20 });
        model.KeptValues.UsesGradient = !keepNothing;
        return model;
    }

    public static ITrainablePolicy Create(LlamaConfig config, ManagedLlamaOptions options) =>
        ManagedLlama.Create(config, options);

    /// <summary>The part of the drafted tokens that was taken; null when nothing was drafted.</summary>
    public static double? Accepted(IPolicyModel policy) =>
        policy is ManagedLlama { Speculated: { Drafted: > 0 } s } ? (double)s.Accepted / s.Drafted : null;

    /// <summary>A model whose weights are bfloat16 values, as those of most published checkpoints are: saved as one and loaded.</summary>
    public static ITrainablePolicy Published(LlamaConfig config, ManagedLlamaOptions options)
    {
        string folder = Directory.CreateTempSubdirectory("tuna-").FullName;
        try
        {
            using (ManagedLlama fresh = ManagedLlama.Create(config, options with { SavedType = TensorDType.BF16 }))
                fresh.SaveModel(folder);
            return ManagedLlama.Load(folder, options);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
