using System.Text.Json;
using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Llama.Batches;
using Tuna.Llama.Lora;
using Tuna.Llama.Model;
using Tuna.Llama.Tensors;
using Tuna.Llama.Tests;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Tokenizers;
using TorchSharp;

namespace Tuna.Llama.Benchmarks;

/// <summary>What the host does, without a GPU: a model so small that arithmetic vanishes, deep and shallow; the difference is a layer's.
/// Also copies, shapes of attention, the packing of a micro-batch and bytes a parameter.</summary>
internal static class Host
{
    private const int Shallow = 2, Deep = 12, Repetitions = 30, PerStep = 8;

    private static readonly int[] Lengths = [128, 192, 224, 256];

    private static readonly Variant[] Variants =
    [
        new("all weights", new()),
        new("adapters", new() { Lora = new LoraOptions { Rank = 16, Alpha = 32 } }),
        new("adapters, 4 bits", new() { Lora = new LoraOptions { Rank = 16, Alpha = 32 }, BaseWeights = WeightPrecision.Nf4 }),
        new("all weights, as on a GPU", new() { ComputeType = TensorDType.BF16 }, AsOnGpu: true),
        new("adapters, as on a GPU", new() { ComputeType = TensorDType.BF16, Lora = new LoraOptions { Rank = 16, Alpha = 32 } },
            AsOnGpu: true),
        new("adapters, 4 bits, as on a GPU", new()
        {
            ComputeType = TensorDType.BF16,
            Lora = new LoraOptions { Rank = 16, Alpha = 32 },
            BaseWeights = WeightPrecision.Nf4,
        }, AsOnGpu: true),
    ];

    /// <param name="only">Name of the variant that is measured alone; null for all.</param>
    /// <param name="tokenizer">Folder of a tokenizer, with which the file in TUNA_RANKED_FILE is tokenized; or null.</param>
    public static void Run(string? only, string? tokenizer)
    {
        torch.set_num_threads(1);
        if (only is null)
        {
            Shapes();
            Packing();
            Bytes();
            if (tokenizer is not null)
                Tokenization(tokenizer);
        }

        Variant[] variants = [.. Variants.Where(v => only is null || v.Name == only)];
        HostCost[] times = [.. variants.Select(v => Layer(v, Repetitions, out _))];
        bool counts = AtenCalls.TryStart(); // it slows every call down
        foreach ((Variant variant, HostCost time) in variants.Zip(times))
        {
            HostCost layer = Layer(variant, 2, out HostCost rest);
            Report(variant, "a layer", "step", layer.Train, time.Train.Microseconds, counts);
            Report(variant, "a layer", "optimizer", layer.Optimizer, time.Optimizer.Microseconds, counts);
            Report(variant, "a layer", "token", layer.Token, time.Token.Microseconds, counts);
            Report(variant, "around the layers", "step", rest.Train, null, counts);
            Report(variant, "around the layers", "token", rest.Token, null, counts);
        }

        Array.ForEach(variants, Copies);
    }

    private static HostCost Layer(Variant variant, int repetitions, out HostCost rest)
    {
        HostCost shallow = Measure(Shallow), deep = Measure(Deep), layer = HostCost.PerLayer(shallow, deep, Deep - Shallow);
        rest = HostCost.PerLayer(new(layer.Train * Shallow, layer.Optimizer * Shallow, layer.Token * Shallow), shallow, 1);
        return layer;

        HostCost Measure(int layers)
        {
            using LlamaPolicy policy = variant.Create(Tiny(layers), out StubKernels? kernels);
            return HostCost.Measure(policy, kernels is null ? null : () => kernels.Launches, repetitions);
        }
    }

    private static LlamaConfig Tiny(int layers) => new()
    {
        HiddenSize = 16,
        LayerCount = layers,
        HeadCount = 2,
        KeyValueHeadCount = 1,
        IntermediateSize = 16,
        VocabularySize = 32,
        HeadDimension = 8,
        ContextLength = 4096,
    };

    /// <summary>Copies of a step of two micro-batches, and of a decoded token; neither depends on the layers.</summary>
    private static void Copies(Variant variant)
    {
        using LlamaPolicy policy = variant.Create(Tiny(Deep), out _);
        HostLink link = policy.Backbone.Parts.Operations.Link;
        TokenGroup group = new("group", new int[4], [new int[2], new int[3]], new double[2]);
        (long Reads, long Bytes, long Writes) step = default;
        for (int s = 1; s <= 2; s++) // the first one looks at the weights
            step = Count(() =>
            {
                for (int micro = 0; micro < 2; micro++)
                {
                    using IForwardPass pass = policy.Forward([group]);
                    pass.Backward([0.5, -0.5]);
                }

                policy.ApplyGradients(new AdamWStep(s, 1e-5, 1, new AdamWSettings()));
            });
        (long Reads, long Bytes, long Writes) few = Sample(9), many = Sample(73);
        Report(new()
        {
            ["mode"] = "copies",
            ["variant"] = variant.Name,
            ["step_of_2_reads"] = step.Reads,
            ["step_of_2_read_bytes"] = step.Bytes,
            ["step_of_2_writes"] = step.Writes,
            ["token_reads"] = (many.Reads - few.Reads) / 64.0,
            ["token_read_bytes"] = (many.Bytes - few.Bytes) / 64.0,
            ["token_writes"] = (many.Writes - few.Writes) / 64.0,
        });

        (long, long, long) Sample(int tokens) => Count(() =>
            policy.Sample([new SamplingRequest { Prompt = new int[4], Count = 1, MaxNewTokens = tokens, Seed = 1, StopTokens = [] }]));

        (long Reads, long Bytes, long Writes) Count(Action work)
        {
            (long reads, long bytes, long writes) = (link.Reads, link.ReadBytes, link.Writes);
            work();
            return (link.Reads - reads, link.ReadBytes - bytes, link.Writes - writes);
        }
    }

    /// <summary>Kinds of attention that a file of ranked responses asks for: see <see cref="RankedFile"/>.</summary>
    private static void Shapes()
    {
        LlamaConfig config = Tiny(1);
        var attention = new PlainSequenceAttention();
        using LlamaPolicy policy = LlamaPolicy.CreateWith(new ModelParts(config, torch.CPU, torch.ScalarType.Float32, false, attention),
            config, new());
        TokenGroup[] file = [.. RankedFile.Groups()];
        var scores = new double[PerStep * 16];
        foreach (TokenGroup[] step in file.Chunk(PerStep).Take(12)) // a kind does not depend on lengths
            policy.Score(step, scores.AsSpan(0, step.Sum(g => g.Responses.Count)));
        (int rooms, int lengths) = RankedFile.SamplingShapes(file);
        Report(new()
        {
            ["mode"] = "shapes",
            ["groups"] = file.Length,
            ["group_by_group"] = RankedFile.ShapesGroupByGroup(file),
            ["over_batches"] = attention.Kernels.Count,
            ["cache_rooms"] = rooms,
            ["decode_lengths"] = lengths,
        });
    }

    /// <summary>The host's work before a micro-batch's first launch: where its rows go, and what attention has to know of it.</summary>
    private static void Packing()
    {
        LlamaConfig config = Tiny(1);
        TokenGroup equal = new("group", new int[256],
            [.. Lengths.Select(n => (ReadOnlyMemory<int>)new int[n])], new double[4]);
        using LlamaPolicy policy = LlamaPolicy.CreateWith(new StubKernels().Parts(config), config,
            new() { ComputeType = TensorDType.BF16 });
        Time("8 groups of 4, prompts of 256", [Enumerable.Repeat(equal, PerStep).ToArray()]);
        Time("8 groups of 4, lengths of a file", [.. RankedFile.Groups().Chunk(PerStep)]);

        void Time(string name, TokenGroup[][] batches)
        {
            (double packed, double planned) = (0, 0);
            foreach (TokenGroup[] groups in batches)
            {
                PackedBatch batch = PackedBatch.Of(groups, HeadRows.Predicting);
                packed += Least(() => PackedBatch.Of(groups, HeadRows.Predicting));
                planned += Least(() => PackedPlan.Of(batch, policy.Backbone.Parts).Dispose());
            }

            Report(new()
            {
                ["mode"] = "packing",
                ["micro_batch"] = name,
                ["rows"] = batches.Average(b => b.Sum(g => g.TokenCount)),
                ["pack_us"] = packed / batches.Length,
                ["plan_us"] = planned / batches.Length, // the rotary angles among it, which a GPU computes itself
            });
        }
    }

    /// <summary>Processor microseconds of the fastest of some repetitions.</summary>
    private static double Least(Action work, int repetitions = Repetitions)
    {
        double best = double.MaxValue;
        for (int r = 0; r < repetitions; r++)
        {
            TimeSpan before = Environment.CpuUsage.TotalTime;
            work();
            best = Math.Min(best, (Environment.CpuUsage.TotalTime - before).TotalMicroseconds);
        }

        return best;
    }

    /// <summary>Rows to groups, which the trainer does before the first step.</summary>
    private static void Tokenization(string folder)
    {
        string path = Environment.GetEnvironmentVariable("TUNA_RANKED_FILE") ?? throw new ArgumentException("TUNA_RANKED_FILE is not set.");
        RankedExample[] rows = [.. RankedData.Read(path)];
        var tokenizer = new GroupTokenizer(HuggingFaceTokenizer.Load(folder));
        long tokens = tokenizer.Tokenize(rows).Sum(g => (long)g.TokenCount);
        double microseconds = rows.Sum(row => Least(() => tokenizer.Tokenize(row), 4));
        Report(new()
        {
            ["mode"] = "tokenization",
            ["groups"] = rows.Length,
            ["tokens"] = tokens,
            ["tokens_per_s"] = 1e6 * tokens / microseconds,
        });
    }

    private static void Bytes()
    {
        var config = new LlamaConfig
        {
            HiddenSize = 2048,
            LayerCount = 22,
            HeadCount = 32,
            KeyValueHeadCount = 4,
            IntermediateSize = 5632,
            VocabularySize = 32000,
            HeadDimension = 64,
        };
        double parameters = config.Parameters().Sum(p => p.ElementCount);
        foreach (string device in new[] { "cpu", "cuda" })
        {
            foreach (MomentPrecision moments in Enum.GetValues<MomentPrecision>())
            {
                foreach (int passes in new[] { 1, 2 })
                {
                    MemoryEstimate e = MemoryEstimate.Of(config, null, TensorDType.BF16, true, [], ActivationMode.Keep, device, moments,
                        passes);
                    Report(new()
                    {
                        ["mode"] = "bytes",
                        ["device"] = device,
                        ["moments"] = moments.ToString(),
                        ["passes"] = passes,
                        ["bytes_parameter"] = (e.Weights + e.Masters + e.Moments + e.Gradients) / parameters,
                    });
                }
            }
        }
    }

    private static void Report(Variant variant, string of, string work, HostWork cost, double? microseconds, bool counts)
    {
        var values = new Dictionary<string, object>
        {
            ["mode"] = "host",
            ["variant"] = variant.Name,
            ["of"] = of,
            ["work"] = work,
            ["tensors"] = cost.Tensors,
        };
        if (microseconds is { } time)
            values["us"] = time;
        if (counts)
            (values["aten_calls"], values["aten_outer_calls"]) = (cost.Calls, cost.Outer);
        if (variant.AsOnGpu)
            values["kernels"] = cost.Launches;
        Report(values);
    }

    private static void Report(Dictionary<string, object> values) =>
        Console.WriteLine(JsonSerializer.Serialize(values.ToDictionary(v => v.Key, v => v.Value is double d ? Math.Round(d, 2) : v.Value)));

    /// <summary>A way to train.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Options">Its options.</param>
    /// <param name="AsOnGpu">Whether the GPU's way is taken, with kernels that are counted in place of being launched.</param>
    private sealed record Variant(string Name, LlamaPolicyOptions Options, bool AsOnGpu = false)
    {
        public LlamaPolicy Create(LlamaConfig config, out StubKernels? kernels)
        {
            kernels = AsOnGpu ? new StubKernels() : null;
            return LlamaPolicy.CreateWith(kernels?.Parts(config), config, Options);
        }
    }
}
