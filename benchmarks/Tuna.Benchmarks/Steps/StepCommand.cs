using System.CommandLine;
using System.Diagnostics;
using Tuna.Benchmarks.Support;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Benchmarks.Steps;

/// <summary>One training step: forward, loss, backward, AdamW; the work of the released code's step on the same groups.</summary>
internal static class StepCommand
{
    public static int DefaultKeptMiB { get; } = (int)(new ManagedLlamaOptions().KeptActivationBytes >> 20);

    public static Command Create()
    {
        var config = new Option<string>("--config")
        {
            Description = "hidden,layers,heads,kv_heads,intermediate,vocabulary, or 15m, 40m",
            DefaultValueFactory = _ => "15m",
        };
        var untied = new Option<bool>("--untied") { Description = "separate output embedding" };
        var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 2 };
        var instructions = new Option<int>("--instructions") { Description = "groups per step", DefaultValueFactory = _ => 2 };
        var prompt = new Option<int>("--prompt") { Description = "prompt tokens", DefaultValueFactory = _ => 64 };
        var lengths = new Option<string>("--lengths")
        {
            Description = "response lengths of the candidates; 4x64 means four of 64",
            DefaultValueFactory = _ => "40,72,110,150",
        };
        var reps = new Option<int>("--reps") { Description = "timed steps", DefaultValueFactory = _ => 7 };
        var warmup = new Option<int>("--warmup") { Description = "steps before", DefaultValueFactory = _ => 2 };
        var noSharing = new Option<bool>("--no-sharing") { Description =
            "every response its own group: the prompt is computed once per response" };
        var allActive = new Option<bool>("--all-active") { Description = "responses whose pairs are satisfied get a gradient too" };
        var kept = new Option<int>("--kept")
        {
            Description = "most memory beside the gradient's for values kept for backward, MiB; the others are computed again",
            DefaultValueFactory = _ => DefaultKeptMiB,
        };
        var keepNothing = new Option<bool>("--keep-nothing") { Description = "no values are kept, not in the gradient's memory either" };
        var reduction = new Option<MarginReduction>("--reduction")
        {
            Description = "reductions of the loss",
            DefaultValueFactory = _ => MarginReduction.Released,
        };
        var margin = new Option<double>("--margin") { DefaultValueFactory = _ => 0.1 };
        var lambda = new Option<double?>("--lambda")
        {
            Description =
                "weight of the likelihood term; 1 with released reductions, 0 with the paper's, whose target is a reference response",
        };
        var command = new Command("step", "Time and peak memory of a training step; prints one JSON line.")
        {
            config, untied, threads, instructions, prompt, lengths, reps, warmup, noSharing, allActive, kept, keepNothing, reduction,
                margin, lambda,
        };
        command.SetAction(r => Run(new StepSettings
        {
            Config = r.GetValue(config)!,
            Untied = r.GetValue(untied),
            Threads = r.GetValue(threads),
            Instructions = r.GetValue(instructions),
            Prompt = r.GetValue(prompt),
            Lengths = Lengths(r.GetValue(lengths)!),
            Reps = r.GetValue(reps),
            Warmup = r.GetValue(warmup),
            Sharing = !r.GetValue(noSharing),
            AllActive = r.GetValue(allActive),
            KeptMiB = r.GetValue(kept),
            KeepNothing = r.GetValue(keepNothing),
            Loss = new MarginRankingLoss(r.GetValue(margin), r.GetValue(lambda)
                ?? (r.GetValue(reduction) == MarginReduction.Released ? 1 : 0), r.GetValue(reduction)),
        }).Print());
        return command;
    }

    public static JsonLine Run(StepSettings s)
    {
        LlamaConfig model = ModelShape.Parse(s.Config, s.Untied);
        long begin = Stopwatch.GetTimestamp();
        using ITrainablePolicy policy = Engine.Create(model, s.Threads, s.KeptMiB, s.KeepNothing);
        double build = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        double built = ProcessMemory.ResidentMiB;
        var work = new Workload(s.Instructions, s.Prompt, s.Lengths, model.VocabularySize, s.Sharing);
        double[] gradient = new double[work.Responses];
        var forward = new double[s.Reps];
        var backward = new double[s.Reps];
        var optimizer = new double[s.Reps];
        var step = new double[s.Reps];
        double first = 0, firstStep = 0, active = 0, activePairs = 0;
        long allocated = 0;
        for (int i = -s.Warmup; i < s.Reps; i++)
        {
            long bytes = GC.GetTotalAllocatedBytes();
            long t0 = Stopwatch.GetTimestamp();
            MarginRankingTerms terms;
            long t1;
            using (IForwardPass pass = policy.Forward(work.Groups))
            {
                terms = s.Loss.EvaluateTerms(work.Batch(pass.Values), gradient);
                active = gradient.Count(g => g != 0) / (double)gradient.Length;
                if (s.AllActive)
                    gradient.AsSpan().Replace(0, 1e-9);
                t1 = Stopwatch.GetTimestamp();
                pass.Backward(gradient);
            }

            long t2 = Stopwatch.GetTimestamp();
            policy.ApplyGradients(new AdamWStep(i + s.Warmup + 1, 1e-5, 1, s.Optimizer));
            long t3 = Stopwatch.GetTimestamp();
            allocated = GC.GetTotalAllocatedBytes() - bytes;
            activePairs = terms.Pairs == 0 ? 0 : (double)terms.ActivePairs / terms.Pairs;
            if (i == -s.Warmup)
                (first, firstStep) = (terms.Loss, Stopwatch.GetElapsedTime(t0, t3).TotalSeconds);
            if (i < 0)
                continue;
            forward[i] = Stopwatch.GetElapsedTime(t0, t1).TotalSeconds;
            backward[i] = Stopwatch.GetElapsedTime(t1, t2).TotalSeconds;
            optimizer[i] = Stopwatch.GetElapsedTime(t2, t3).TotalSeconds;
            step[i] = Stopwatch.GetElapsedTime(t0, t3).TotalSeconds;
        }

        int responseTokens = s.Instructions * s.Lengths.Sum();
        return new JsonLine("tuna_step")
            .Add("config", s.Config).Add("tied", !s.Untied).Add("parameters", policy.Info.ParameterCount).Add("threads", s.Threads)
            .Add("instructions", s.Instructions).Add("candidates", s.Lengths.Length).Add("prompt", s.Prompt)
                .Add("longest_response", s.Lengths.Max())
            .Add("sharing", s.Sharing).Add("all_active", s.AllActive).Add("kept_mib", s.KeptMiB).Add("keep_nothing", s.KeepNothing)
                .Add("reduction", s.Loss.Reduction.ToString())
            .Times("step", step)
            .Seconds("forward_s", JsonLine.Median(forward)).Seconds("backward_s", JsonLine.Median(backward))
                .Seconds("optimizer_s", JsonLine.Median(optimizer))
            .Seconds("build_s", build).Seconds("first_step_s", firstStep)
            .Add("peak_rss_mib", Math.Round(ProcessMemory.PeakMiB, 1)).Add("rss_after_model_build_mib", Math.Round(built, 1))
            .Add("active_fraction", Math.Round(s.AllActive ? 1 : active, 4)).Add("active_pair_fraction", Math.Round(activePairs, 4))
            .Add("token_rows", work.Groups.Sum(g => g.TokenCount)).Add("response_tokens", responseTokens)
            .Add("padded_token_rows", s.Instructions * s.Lengths.Length * (s.Prompt + s.Lengths.Max()))
            .Add("allocated_bytes_last_step", allocated).Add("first_loss", Math.Round(first, 6)).Add("reps", s.Reps)
                .Add("instruction_set", Engine.InstructionSet);
    }

    private static int[] Lengths(string text) =>
        [.. text.Split(',').SelectMany(part => part.Split('x') is [var n, var length]
            ? Enumerable.Repeat(ModelShape.Ints(length)[0], ModelShape.Ints(n)[0]) : ModelShape.Ints(part))];
}

/// <summary>What a step is measured on.</summary>
internal sealed record StepSettings
{
    public required string Config { get; init; }

    public bool Untied { get; init; }

    public required int Threads { get; init; }

    public required int Instructions { get; init; }

    public required int Prompt { get; init; }

    public required int[] Lengths { get; init; }

    public required int Reps { get; init; }

    public required int Warmup { get; init; }

    public bool Sharing { get; init; } = true;

    public bool AllActive { get; init; }

    public int KeptMiB { get; init; } = StepCommand.DefaultKeptMiB;

    public bool KeepNothing { get; init; }

    public required MarginRankingLoss Loss { get; init; }

    /// <summary>PyTorch's default settings, weight decay included.</summary>
    public AdamWSettings Optimizer { get; } = new() { WeightDecay = 0.01 };
}
