using Tuna.Checkpoints;
using Tuna.Llama.Managed;
using Tuna.Llama.Managed.Kernels;
using Tuna.Policies;

namespace Tuna.Benchmarks.Steps;

/// <summary>The engine under measurement, with random weights.</summary>
internal static class Engine
{
    public static string InstructionSet => Gemm.InstructionSet;

    public static ITrainablePolicy Create(LlamaConfig config, int threads, bool recomputeMlp, int keptLogitsMiB) =>
        ManagedLlama.Create(config, seed: 0, new ManagedLlamaOptions { Threads = threads, RecomputeMlp = recomputeMlp, KeptLogitsBytes = (long)keptLogitsMiB << 20 });

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
