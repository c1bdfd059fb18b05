using Tuna.Checkpoints;
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
        ManagedLlama model = ManagedLlama.Create(config, seed: 0, new ManagedLlamaOptions { Threads = threads, KeptActivationBytes = keepNothing ? 0 : (long)keptMiB << 20 });
        model.KeptValues.UsesGradient = !keepNothing;
        return model;
    }

    public static ITrainablePolicy Create(LlamaConfig config, int threads, DecodingPrecision decoding) =>
        ManagedLlama.Create(config, seed: 0, new ManagedLlamaOptions { Threads = threads, Decoding = decoding });

    /// <summary>A model whose weights are bfloat16 values, as those of most published checkpoints are: saved as one and loaded.</summary>
    public static ITrainablePolicy Published(LlamaConfig config, int threads, DecodingPrecision decoding)
    {
        string folder = Directory.CreateTempSubdirectory("tuna-").FullName;
        try
        {
            using (ManagedLlama fresh = ManagedLlama.Create(config, seed: 0, new ManagedLlamaOptions { Threads = threads, SavedType = TensorDType.BF16 }))
                fresh.SaveModel(folder);
            return ManagedLlama.Load(folder, new ManagedLlamaOptions { Threads = threads, Decoding = decoding });
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
