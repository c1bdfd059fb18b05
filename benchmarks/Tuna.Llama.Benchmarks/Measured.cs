using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Lora;
using Tuna.Losses;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Benchmarks;

/// <summary>Single measurements on any device, a JSON line each: a training step, sampling, many steps on groups of real lengths.</summary>
/// <param name="option">Reads an option of the command line, with its default.</param>
internal sealed class Measured(Func<string, string, string> option)
{
    private static readonly MarginRankingLoss Loss = new(0.1, 1, MarginReduction.Released);

    private readonly string _device = option("--device", "cuda");
    private long _context; // MiB that the device's libraries take before anything of ours

    private int Number(string name, int value) =>
        int.Parse(option(name, value.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);

    private ActivationMode Mode => Enum.Parse<ActivationMode>(option("--activations", "Auto"));

    private TensorDType Type => option("--type", _device == "cpu" ? "F32" : "BF16") == "F32" ? TensorDType.F32 : TensorDType.BF16;

    private LoraOptions? Lora => Number("--lora", 0) is > 0 and var rank ? new LoraOptions { Rank = rank, Alpha = 2 * rank } : null;

    private LlamaConfig Config()
    {
        int[] c = [.. option("--config", "2048,22,32,4,5632,32000").Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        return new LlamaConfig
        {
            HiddenSize = c[0],
            LayerCount = c[1],
            HeadCount = c[2],
            KeyValueHeadCount = c[3],
            IntermediateSize = c[4],
            VocabularySize = c[5],
            HeadDimension = c[0] / c[2],
            TieWordEmbeddings = Number("--tied", 0) != 0,
            ContextLength = 4096,
        };
    }

    private LlamaPolicy Policy(bool trainable, long? budget = null)
    {
        _context = Context();
        LlamaPolicy policy = LlamaPolicy.Create(Config(), new()
        {
            Device = _device,
            ComputeType = Type,
            Activations = Mode,
            MemoryBudget = budget,
            Gradients = Enum.Parse<GradientMode>(option("--gradients", "Keep")),
            Moments = Enum.Parse<MomentPrecision>(option("--moments", "Full")),
            Lora = Lora,
            BaseWeights = Enum.Parse<WeightPrecision>(option("--base", "Full")),
            Trainable = trainable,
            MaxSampleBatch = Number("--batch", 64),
        });
        Console.Error.WriteLine(policy.GetType().GetProperty("Acceleration")?.GetValue(policy)); // by name: engines of old do not have it
        return policy;
    }

    /// <summary>Steps on groups of given lengths; every micro-batch has --micro groups, all of them when 0.</summary>
    public void Step()
    {
        int count = Number("--groups", 8), micro = Number("--micro", 0), reps = Number("--reps", 6);
        int[] lengths = [.. option("--lengths", "128,192,224,256").Split(',').Select(n => int.Parse(n, CultureInfo.InvariantCulture))];
        var rng = new Rng(1);
        LlamaConfig config = Config();
        TokenGroup[] groups = [.. Enumerable.Range(0, count)
            .Select(g => Group(rng, config.VocabularySize, Number("--prompt", 256), lengths))];
        int? kept = option("--kept-layers", "") is { Length: > 0 } share
            ? (int)(double.Parse(share, CultureInfo.InvariantCulture) * config.LayerCount) : null;
        using LlamaPolicy policy = Policy(true, kept is null ? null : Estimate().Total);
        var (steps, forward, backward, optimizer, host) =
            (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        double first = double.NaN;
        for (int r = 0; r < reps + 2; r++)
        {
            var watch = Stopwatch.StartNew();
            double loss = 0, back = 0, ahead = 0, asked = 0;
            foreach (TokenGroup[] part in groups.Chunk(micro == 0 ? count : micro))
            {
                double start = watch.Elapsed.TotalSeconds;
                using IForwardPass pass = policy.Forward(part);
                double middle = watch.Elapsed.TotalSeconds;
                double[] gradient = Gradient(part, pass.Values, out double value);
                pass.Backward(Array.ConvertAll(gradient, g => g * part.Length / count));
                loss += value * part.Length / count;
                ahead += middle - start;
                asked += watch.Elapsed.TotalSeconds - middle;
                Synchronize();
                back += watch.Elapsed.TotalSeconds - middle;
            }

            double before = watch.Elapsed.TotalSeconds;
            double norm = policy.GradientNorm();
            policy.ApplyGradients(new AdamWStep(r + 1, 1e-5, Math.Min(1, 1 / norm), new AdamWSettings()));
            Synchronize();
            double end = watch.Elapsed.TotalSeconds;
            if (r == 0)
                first = loss;
            if (r < 2)
                continue;
            steps.Add(end);
            forward.Add(ahead);
            backward.Add(back);
            host.Add(asked);
            optimizer.Add(end - before);
        }

        Report("step", new()
        {
            ["config"] = option("--config", "default"),
            ["groups"] = count,
            ["micro"] = micro,
            ["activations"] = Mode.ToString(),
            ["kept_layers"] = kept ?? (Mode == ActivationMode.Recompute ? 0 : config.LayerCount),
            ["gradients"] = option("--gradients", "Keep"),
            ["moments"] = option("--moments", "Full"),
            ["lora"] = Number("--lora", 0),
            ["base"] = option("--base", "Full"),
            ["tokens"] = groups.Sum(g => g.TokenCount),
            ["step_s"] = Median(steps),
            ["step_min_s"] = steps.Min(),
            ["forward_s"] = Median(forward),
            ["backward_s"] = Median(backward),
            ["backward_host_s"] = Median(host), // until everything was asked for; the device goes on
            ["optimizer_s"] = Median(optimizer),
            ["first_loss"] = first,
            ["used_mib"] = UsedMegabytes(),
            ["context_mib"] = _context,
            ["estimate_mib"] = Estimate().Total >> 20,
        });
        if (option("--then", "") != "sample")
            return;
        Sample(policy, 16, 4);
        Sample(policy, 1, 1);

        MemoryEstimate Estimate() => MemoryEstimate.Of(config, Lora, Type, true, groups[..(micro == 0 ? count : micro)], Mode, _device,
            Enum.Parse<MomentPrecision>(option("--moments", "Full")), micro == 0 ? 1 : 2,
            Enum.Parse<WeightPrecision>(option("--base", "Full")), Enum.Parse<GradientMode>(option("--gradients", "Keep")), kept);
    }

    /// <summary>Samples of prompts of one length.</summary>
    public void Sample()
    {
        using LlamaPolicy policy = Policy(false);
        Sample(policy, Number("--prompts", 16), Number("--samples", 4));
    }

    private void Sample(LlamaPolicy policy, int prompts, int samples)
    {
        int length = Number("--prompt", 256), tokens = Number("--new-tokens", 128), reps = Number("--reps", 2);
        var rng = new Rng(1);
        SamplingRequest[] requests = [.. Enumerable.Range(0, prompts).Select(p => new SamplingRequest
        {
            Prompt = Tokens(rng, policy.Config.VocabularySize, length),
            Count = samples,
            MaxNewTokens = tokens,
            Temperature = double.Parse(option("--temperature", "1"), CultureInfo.InvariantCulture),
            TopP = double.Parse(option("--top-p", "1"), CultureInfo.InvariantCulture),
            Seed = (ulong)p,
        })];
        policy.Sample([.. requests.Select(r => r with { MaxNewTokens = 4 })]);
        var times = new List<double>();
        for (int r = 0; r < reps; r++)
        {
            var watch = Stopwatch.StartNew();
            policy.Sample(requests);
            times.Add(watch.Elapsed.TotalSeconds);
        }

        Report("gen", new()
        {
            ["prompts"] = prompts,
            ["samples"] = samples,
            ["prompt"] = length,
            ["nt"] = tokens,
            ["top_p"] = option("--top-p", "1"),
            ["total_s"] = times.Min(),
            ["tokens_per_s"] = prompts * samples * tokens / times.Min(),
            ["used_mib"] = UsedMegabytes(),
        });
    }

    /// <summary>Many steps on groups whose lengths vary as in instruction data: no two have the same shape.</summary>
    public void Real()
    {
        using LlamaPolicy policy = Policy(true);
        int steps = Number("--steps", 40), perStep = Number("--groups", 8);
        var rng = new Rng(7);
        int Length(double median, double spread, int most) => (int)Math.Clamp(median * Math.Exp(spread * rng.NextGaussian()), 2, most);
        TokenGroup[] groups = [.. Enumerable.Range(0, steps * perStep).Select(_ =>
            Group(rng, policy.Config.VocabularySize, Length(90, 0.6, 600),
                [.. Enumerable.Range(0, 4).Select(_ => Length(110, 0.7, 512))]))];
        var watch = new Stopwatch();
        long counted = 0;
        for (int s = 0; s < steps; s++)
        {
            TokenGroup[] part = groups[(s * perStep)..((s + 1) * perStep)];
            if (s == 3)
                watch.Start(); // the first steps compile and allocate
            using (IForwardPass pass = policy.Forward(part))
                pass.Backward(Gradient(part, pass.Values, out _));
            double norm = policy.GradientNorm();
            policy.ApplyGradients(new AdamWStep(s + 1, 1e-5, Math.Min(1, 1 / norm), new AdamWSettings()));
            counted += watch.IsRunning ? part.Sum(g => g.TokenCount) : 0;
        }

        Synchronize();
        Report("real", new()
        {
            ["config"] = option("--config", "default"),
            ["steps"] = steps - 3,
            ["tokens"] = counted,
            ["step_s"] = watch.Elapsed.TotalSeconds / (steps - 3),
            ["tokens_per_s"] = counted / watch.Elapsed.TotalSeconds,
        });
    }

    private static TokenGroup Group(Rng rng, int vocabulary, int prompt, int[] lengths) =>
        new("group", Tokens(rng, vocabulary, prompt), [.. lengths.Select(n => (ReadOnlyMemory<int>)Tokens(rng, vocabulary, n))],
            lengths.Select((_, k) => (double)-k).ToArray());

    private static int[] Tokens(Rng rng, int vocabulary, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => 3 + rng.Next(vocabulary - 3))];

    /// <summary>The released code's loss of some groups, and its gradient.</summary>
    internal static double[] Gradient(TokenGroup[] groups, ReadOnlySpan<double> logProbs, out double value)
    {
        var offsets = new int[groups.Length + 1];
        for (int g = 0; g < groups.Length; g++)
            offsets[g + 1] = offsets[g] + groups[g].Responses.Count;
        var gradient = new double[logProbs.Length];
        value = Loss.Evaluate(
            new RankingBatch
            {
                Offsets = offsets,
                CandidateCounts = groups.Select(g => g.CandidateCount).ToArray(),
                Values = logProbs,
                Lengths = groups.SelectMany(g => g.Responses).Select(r => r.Length).ToArray(),
                Scores = groups.SelectMany(g => g.Scores.ToArray()).ToArray(),
            },
            gradient);
        return gradient;
    }

    private void Synchronize()
    {
        if (_device != "cpu")
            torch.cuda.synchronize();
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }

    /// <summary>Memory of the GPU that is in use, this program's being the only one there.</summary>
    private long UsedMegabytes()
    {
        if (_device == "cpu")
        {
            using Process self = Process.GetCurrentProcess();
            return self.PeakWorkingSet64 >> 20;
        }

        return cuMemGetInfo_v2(out nuint free, out nuint total) == 0 ? (long)(total - free) >> 20 : -1;
    }

    private long Context()
    {
        if (_device == "cpu")
            return 0;
        using torch.Tensor first = torch.ones(1, device: torch.device(_device));
        Synchronize();
        return UsedMegabytes();
    }

    private static void Report(string mode, Dictionary<string, object> values)
    {
        values["mode"] = mode;
        values["side"] = Environment.GetEnvironmentVariable("TUNA_SIDE") ?? "tuna";
        Console.WriteLine(JsonSerializer.Serialize(values));
    }

    [DllImport("libcuda.so.1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuMemGetInfo_v2(out nuint free, out nuint total);
}
