using System.Numerics.Tensors;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using LLama;
using LLama.Common;
using LLama.Native;

namespace Tuna.Gguf.Tests;

/// <summary>A GGUF file in llama.cpp: its tokenizer, and its likeliest continuation with log-probabilities.</summary>
internal sealed class LlamaCpp : IDisposable
{
    private static readonly Lazy<bool> Library = new(Load);
    private readonly LLamaWeights _weights;
    private readonly LLamaContext _context;

    public LlamaCpp(string file, int threads = 1)
    {
        Assert.True(Library.Value);
        // Everything in single precision that is not the weights.
        var parameters = new ModelParams(file)
        {
            ContextSize = 256,
            GpuLayerCount = 0,
            Threads = threads,
            BatchThreads = threads,
            TypeK = GGMLType.GGML_TYPE_F32,
            TypeV = GGMLType.GGML_TYPE_F32,
            FlashAttention = false,
        };
        _weights = LLamaWeights.LoadFromFile(parameters);
        _context = _weights.CreateContext(parameters);
    }

    public static bool IsThere => OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64;

    public int[] Tokenize(string text, bool special = false) =>
        [.. _context.Tokenize(text, addBos: true, special: special).Select(t => (int)t)];

    /// <summary>The likeliest token at each place of a continuation, its log-probability, and that of the continuation's own
    /// token.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="continuation">What follows it.</param>
    public (int[] Likeliest, double[] LogProbs, double[] Own) Follow(int[] prompt, IReadOnlyList<int> continuation)
    {
        _context.NativeHandle.MemoryClear();
        var tokens = new List<int>();
        var logProbs = new List<double>();
        var own = new List<double>();
        var batch = new LLamaBatch();
        for (int i = 0; i < prompt.Length; i++)
            batch.Add(prompt[i], i, LLamaSeqId.Zero, logits: i == prompt.Length - 1);
        for (int position = prompt.Length; tokens.Count < continuation.Count; position++)
        {
            Assert.Equal(DecodeResult.Ok, _context.Decode(batch));
            Span<float> logits = _context.NativeHandle.GetLogitsIth(batch.TokenCount - 1);
            int best = TensorPrimitives.IndexOfMax<float>(logits);
            double sum = 0;
            foreach (float logit in logits)
                sum += Math.Exp(logit - logits[best]);
            int given = continuation[tokens.Count];
            tokens.Add(best);
            logProbs.Add(-Math.Log(sum));
            own.Add(logits[given] - logits[best] - Math.Log(sum));
            batch.Clear();
            batch.Add(given, position, LLamaSeqId.Zero, logits: true);
        }

        return ([.. tokens], [.. logProbs], [.. own]);
    }

    public void Dispose()
    {
        _context.Dispose();
        _weights.Dispose();
    }

    private static bool Load()
    {
        string package = typeof(LlamaCpp).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "LlamaCpp").Value!;
        string level = Avx512F.IsSupported ? "avx512" : Avx2.IsSupported ? "avx2" : Avx.IsSupported ? "avx" : "noavx";
        string folder = Path.Combine(package, "LLamaSharpRuntimes", "linux-x64", "native", level);
        // Each library asks for the next by its bare name.
        foreach (string name in (string[])["libggml-base.so", "libggml-cpu.so", "libggml.so", "libllama.so"])
            NativeLibrary.Load(Path.Combine(folder, name));
        NativeLibraryConfig.LLama.WithLibrary(Path.Combine(folder, "libllama.so"));
        NativeLibraryConfig.All.WithLogCallback((_, _) => { });
        return true;
    }
}
