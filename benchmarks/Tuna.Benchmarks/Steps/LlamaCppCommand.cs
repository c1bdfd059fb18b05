using System.CommandLine;
using System.Diagnostics;
using System.Numerics.Tensors;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using LLama;
using LLama.Common;
using LLama.Native;
using Tuna.Benchmarks.Support;
using Tuna.Llama.Managed;
using Tuna.Models;
using Tuna.Models.Gguf;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Benchmarks.Steps;

/// <summary>Decoding speed beside llama.cpp: the same weights, exported, the same prompt, greedily, in turns.</summary>
internal static class LlamaCppCommand
{
    public static Command Create()
    {
        var config = new Option<string>("--config")
        {
            Description = "hidden,layers,heads,kv_heads,intermediate,vocabulary, or 15m, 40m",
            DefaultValueFactory = _ => "15m",
        };
        var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 2 };
        var prompt = new Option<int>("--prompt") { Description = "prompt tokens", DefaultValueFactory = _ => 64 };
        var newTokens = new Option<int>("--new-tokens") { DefaultValueFactory = _ => 128 };
        var precision = new Option<GgufPrecision>("--precision")
        {
            Description = "of llama.cpp's weights: F32, BF16 (ours are then bfloat16 values as well), F16 or Q8 (ours are float32)",
            DefaultValueFactory = _ => GgufPrecision.F32,
        };
        var reps = new Option<int>("--reps") { DefaultValueFactory = _ => 5 };
        var command = new Command("llamacpp", "Decoding speed beside llama.cpp; prints one JSON line.") { config, threads, prompt,
            newTokens, precision, reps };
        command.SetAction(r => Run(r.GetValue(config)!, r.GetValue(threads), r.GetValue(prompt), r.GetValue(newTokens),
            r.GetValue(precision), r.GetValue(reps)));
        return command;
    }

    private static void Run(string config, int threads, int prompt, int newTokens, GgufPrecision precision, int reps)
    {
        LlamaConfig model = ModelShape.Parse(config, untied: false);
        var options = new ManagedLlamaOptions { Threads = threads };
        using ITrainablePolicy policy = precision == GgufPrecision.BF16 ? Engine.Published(model, options) : Engine.Create(model, options);
        string folder = Directory.CreateTempSubdirectory("tuna-llamacpp-").FullName;
        try
        {
            policy.SaveModel(folder);
            string file = Path.Combine(folder, "model.gguf");
            GgufExport.Write(folder, file, precision, Vocabulary(model.VocabularySize));
            int[] ids = Workload.Tokens(new Rng(1), prompt, model.VocabularySize);
            using var other = new Other(file, threads, prompt + newTokens + 8);
            double[] ours = new double[reps], theirs = new double[reps];
            int agree = 0;
            for (int rep = -1; rep < reps; rep++)
            {
                (double mine, int[] tokens) = Ours(policy, ids, newTokens);
                (double its, int[] otherTokens) = other.Decode(ids, newTokens);
                agree = tokens.Zip(otherTokens).TakeWhile(p => p.First == p.Second).Count();
                if (rep >= 0)
                    (ours[rep], theirs[rep]) = (mine, its);
            }

            double[] ratios = [.. ours.Zip(theirs, (o, t) => t / o)];
            new JsonLine("tuna_llamacpp")
                .Add("config", config).Add("parameters", policy.Info.ParameterCount).Add("threads", threads).Add("prompt", prompt)
                    .Add("new_tokens", newTokens).Add("precision", precision.ToString())
                .Times("tuna_decode", ours).Times("llamacpp_decode", theirs)
                .Add("tuna_tokens_per_s", Math.Round((newTokens - 1) / JsonLine.Median(ours), 1))
                    .Add("llamacpp_tokens_per_s", Math.Round((newTokens - 1) / JsonLine.Median(theirs), 1))
                .Add("speed_ratio", Math.Round(JsonLine.Median(ratios), 3)).Add("same_tokens", agree)
                    .Add("instruction_set", Engine.InstructionSet).Print();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    // Seconds from the first new token to the last.
    private static (double Seconds, int[] Tokens) Ours(ITrainablePolicy policy, int[] ids, int count)
    {
        long first = 0, last = 0;
        var request = new SamplingRequest
        {
            Prompt = ids,
            Temperature = 0,
            MaxNewTokens = count,
            Drawn = (_, _) =>
            {
                last = Stopwatch.GetTimestamp();
                first = first == 0 ? last : first;
            },
        };
        SampledResponse answer = policy.Sample([request])[0][0];
        return (Stopwatch.GetElapsedTime(first, last).TotalSeconds, [.. answer.Tokens]);
    }

    // Tokens that nothing is encoded with, but that a file must have.
    private static GgufVocabulary Vocabulary(int size) => new()
    {
        Model = "llama",
        PreTokenizer = "default",
        Tokens = [.. Enumerable.Range(0, size)
            .Select(i => i == 0 ? "<unk>" : i == 1 ? "<s>" : i == 2 ? "</s>" : i < 259 ? $"<0x{i - 3:X2}>" : $"piece{i}")],
        Types = [.. Enumerable.Range(0, size).Select(i => i == 0 ? 2 : i < 3 ? 3 : i < 259 ? 6 : 1)],
        Scores = [.. Enumerable.Range(0, size).Select(i => -(float)i)],
        BosId = 1,
        EosId = 2,
        UnknownId = 0,
    };

    private sealed class Other : IDisposable
    {
        private readonly LLamaWeights _weights;
        private readonly LLamaContext _context;

        public Other(string file, int threads, int room)
        {
            Load();
            var parameters = new ModelParams(file)
            {
                ContextSize = (uint)((room + 255) / 256 * 256),
                GpuLayerCount = 0,
                Threads = threads,
                BatchThreads = threads,
            };
            _weights = LLamaWeights.LoadFromFile(parameters);
            _context = _weights.CreateContext(parameters);
        }

        public (double Seconds, int[] Tokens) Decode(int[] ids, int count)
        {
            _context.NativeHandle.MemoryClear();
            var tokens = new List<int>();
            var batch = new LLamaBatch();
            for (int i = 0; i < ids.Length; i++)
                batch.Add(ids[i], i, LLamaSeqId.Zero, logits: i == ids.Length - 1);
            long first = 0;
            for (int position = ids.Length; tokens.Count < count; position++)
            {
                if (_context.Decode(batch) != DecodeResult.Ok)
                    throw new InvalidOperationException("llama.cpp could not decode.");
                tokens.Add(TensorPrimitives.IndexOfMax<float>(_context.NativeHandle.GetLogitsIth(batch.TokenCount - 1)));
                first = first == 0 ? Stopwatch.GetTimestamp() : first;
                batch.Clear();
                batch.Add(tokens[^1], position, LLamaSeqId.Zero, logits: true);
            }

            return (Stopwatch.GetElapsedTime(first).TotalSeconds, [.. tokens]);
        }

        public void Dispose()
        {
            _context.Dispose();
            _weights.Dispose();
        }

        private static void Load()
        {
            string package = typeof(Other).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
                .Single(a => a.Key == "LlamaCpp").Value!;
            string level = Avx512F.IsSupported ? "avx512" : Avx2.IsSupported ? "avx2" : Avx.IsSupported ? "avx" : "noavx";
            string folder = Path.Combine(package, "LLamaSharpRuntimes", "linux-x64", "native", level);
            foreach (string name in (string[])["libggml-base.so", "libggml-cpu.so", "libggml.so", "libllama.so"])
                NativeLibrary.Load(Path.Combine(folder, name));
            NativeLibraryConfig.LLama.WithLibrary(Path.Combine(folder, "libllama.so"));
            NativeLibraryConfig.All.WithLogCallback((_, _) => { });
        }
    }
}
