using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Tuna.Benchmarks.Support;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed;
using Tuna.Numerics;

namespace Tuna.Benchmarks.HotPaths;

/// <summary>Loading a model folder, against reading its bytes: into memory that is there, and as a model whose memory comes from the
/// system.</summary>
internal static class CheckpointCommand
{
    public static Command Create()
    {
        var size = new Option<int>("--size-mb") { Description = "size of the generated file, about, 10^6 bytes",
            DefaultValueFactory = _ => 500 };
        var type = new Option<TensorDType>("--dtype") { Description = "F32, BF16 or F16", DefaultValueFactory = _ => TensorDType.F32 };
        var threads = new Option<int>("--threads") { Description = "of the engine", DefaultValueFactory = _ => 2 };
        var reps = new Option<int>("--reps") { DefaultValueFactory = _ => 5 };
        var cold = new Option<bool>("--cold") { Description =
            "empty the file's cache before each pass, so that all wait for the disk (Linux)" };
        var folder = new Option<string>("--folder")
        {
            Description = "where the model is made (and deleted at the end)",
            DefaultValueFactory = _ => Path.GetTempPath(),
        };
        var command = new Command("checkpoint", "Loading a model's weights against reading their bytes; prints one JSON line.") { size,
            type, threads, reps, cold, folder };
        command.SetAction(r =>
        {
            string model = Path.Combine(r.GetValue(folder)!, $"tuna-model-{Environment.ProcessId}");
            Directory.CreateDirectory(model);
            try
            {
                LlamaConfig config = Write(model, r.GetValue(size) * 1_000_000L, r.GetValue(type));
                Run(model, config, r.GetValue(threads), r.GetValue(reps), r.GetValue(cold));
            }
            finally
            {
                Directory.Delete(model, recursive: true);
            }
        });
        return command;
    }

    // As many layers as the size asks for.
    private static LlamaConfig Write(string folder, long bytes, TensorDType type)
    {
        var config = new LlamaConfig
        {
            HiddenSize = 768, LayerCount = 1, HeadCount = 12, KeyValueHeadCount = 12, HeadDimension = 64, IntermediateSize = 2048,
                VocabularySize = 32000, TieWordEmbeddings = true, DType = type,
        };
        long rest = (bytes / type.Size()) - Elements(config);
        config = config with
        {
            LayerCount = 1 + (int)Math.Max(0, Math.Round((double)rest / (Elements(config with { LayerCount = 2 }) - Elements(config)))),
        };
        config.Save(folder);
        float[] values = new float[config.Parameters().Max(p => p.ElementCount)];
        var rng = new Rng(3);
        foreach (ref float v in values.AsSpan())
            v = (float)rng.NextDouble();
        CheckpointWriter.Write(folder, [.. config.Parameters().Select(p => new TensorSpec(p.Name, type, p.Shape))],
            (writer, tensor) => writer.Write(tensor.Name, values.AsSpan(0, (int)tensor.ElementCount)));
        return config;
    }

    private static long Elements(LlamaConfig config) => config.Parameters().Sum(p => p.ElementCount);

    private static void Run(string folder, LlamaConfig config, int threads, int reps, bool cold)
    {
        string path = Path.Combine(folder, "model.safetensors");
        byte[] buffer = GC.AllocateUninitializedArray<byte>((int)new FileInfo(path).Length);
        buffer.AsSpan().Clear();
        Dictionary<string, float[]> weights = config.Parameters().ToDictionary(p => p.Name, p => new float[p.ElementCount]);
        double[] read = new double[reps], load = new double[reps], loadTogether = new double[reps], readNew = new double[reps],
            model = new double[reps];
        for (int i = -1; i < reps; i++)
        {
            // Memory that was touched before: page faults of fresh memory are neither's. A negative index warms up.
            double bytes = Time(() => ReadBytes(path, buffer));
            double floats = Time(() => Load(1));
            double together = Time(() => Load(threads));

            // Memory that the system has yet to give.
            double bytesNew = Time(() => ReadBytesToNewMemory(path, buffer.Length));
            ManagedLlama? loaded = null;
            double whole = Time(() => loaded = ManagedLlama.Load(folder, new ManagedLlamaOptions { Threads = threads }));
            loaded!.Dispose();
            if (i >= 0)
                (read[i], load[i], loadTogether[i], readNew[i], model[i]) = (bytes, floats, together, bytesNew, whole);
        }

        new JsonLine("tuna_checkpoint").Add("size_mb", Math.Round(buffer.Length / 1e6, 1)).Add("dtype", config.DType.ToString())
            .Add("cold", cold).Add("threads", threads)
            .Times("read_bytes", read).Times("load", load).Add("ratio", Math.Round(JsonLine.Median(load) / JsonLine.Median(read), 2))
            .Times("load_threads", loadTogether).Add("ratio_threads", Math.Round(JsonLine.Median(loadTogether) / JsonLine.Median(read), 2))
            .Times("read_bytes_new_memory", readNew).Times("load_model", model)
                .Add("ratio_model", Math.Round(JsonLine.Median(model) / JsonLine.Median(readNew), 2)).Print();

        // As the engine does: several tensors at a time.
        void Load(int together)
        {
            using CheckpointReader reader = CheckpointReader.Open(folder);
            Parallel.ForEach(weights, new ParallelOptions { MaxDegreeOfParallelism = together },
                tensor => reader.Read(tensor.Key, tensor.Value));
        }

        double Time(Action pass)
        {
            if (cold)
                FileCache.Evict(path);
            long begin = Stopwatch.GetTimestamp();
            pass();
            return Stopwatch.GetElapsedTime(begin).TotalSeconds;
        }
    }

    private static unsafe void ReadBytesToNewMemory(string path, int length)
    {
        void* memory = NativeMemory.Alloc((nuint)length);
        ReadBytes(path, new Span<byte>(memory, length));
        NativeMemory.Free(memory);
    }

    private static void ReadBytes(string path, Span<byte> destination)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0, FileOptions.SequentialScan);
        stream.ReadExactly(destination);
    }
}
