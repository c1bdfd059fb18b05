using System.CommandLine;
using System.Diagnostics;
using Tuna.Benchmarks.Support;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Benchmarks.Steps;

/// <summary>Sampling a fixed number of new tokens for some prompts at once.</summary>
internal static class GenerateCommand
{
    public static Command Create()
    {
        var config = new Option<string>("--config")
        {
            Description = "hidden,layers,heads,kv_heads,intermediate,vocabulary, or 15m, 40m",
            DefaultValueFactory = _ => "15m",
        };
        var untied = new Option<bool>("--untied") { Description = "separate output embedding" };
        var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 2 };
        var prompts = new Option<int>("--prompts") { DefaultValueFactory = _ => 4 };
        var samples = new Option<int>("--samples") { Description = "samples per prompt, which share its prefill",
            DefaultValueFactory = _ => 1 };
        var prompt = new Option<int>("--prompt") { Description = "prompt tokens", DefaultValueFactory = _ => 64 };
        var newTokens = new Option<int>("--new-tokens") { DefaultValueFactory = _ => 128 };
        var greedy = new Option<bool>("--greedy") { Description = "take the likeliest token instead of sampling at temperature 1" };
        var published = new Option<bool>("--published")
        {
            Description = "weights that are bfloat16 values, as those of most published checkpoints are, instead of float32 ones",
        };
        var decoding = new Option<DecodingPrecision>("--decoding")
        {
            Description = "exact, or bfloat16 to sample from rounded weights at half the memory traffic",
            DefaultValueFactory = _ => DecodingPrecision.Exact,
        };
        var noSpeculation = new Option<bool>("--no-speculation") { Description = "one token of each sample at a time" };
        var reps = new Option<int>("--reps") { DefaultValueFactory = _ => 3 };
        var command = new Command("generate", "Speed of sampling; prints one JSON line.") { config, untied, threads, prompts, samples,
            prompt, newTokens, greedy, published, decoding, noSpeculation, reps };
        command.SetAction(r => Run(
            r.GetValue(config)!, r.GetValue(untied), r.GetValue(threads), r.GetValue(prompts), r.GetValue(samples), r.GetValue(prompt),
                r.GetValue(newTokens), r.GetValue(greedy), r.GetValue(published),
            r.GetValue(decoding), r.GetValue(noSpeculation), r.GetValue(reps)));
        return command;
    }

    private static void Run(string config, bool untied, int threads, int prompts, int samples, int prompt, int newTokens, bool greedy,
        bool published, DecodingPrecision decoding, bool noSpeculation, int reps)
    {
        LlamaConfig model = ModelShape.Parse(config, untied);
        var options = new ManagedLlamaOptions { Threads = threads, Decoding = decoding, SpeculativeDecoding = !noSpeculation };
        using ITrainablePolicy policy = published ? Engine.Published(model, options) : Engine.Create(model, options);
        double built = ProcessMemory.ResidentMiB;
        var rng = new Rng(1);
        int[][] ids = [.. Enumerable.Range(0, prompts).Select(_ => Workload.Tokens(rng, prompt, model.VocabularySize))];
        Go(8);
        double[] one = [.. Enumerable.Range(0, 3).Select(_ => Go(1))];
        double[] full = [.. Enumerable.Range(0, reps).Select(_ => Go(newTokens))];
        double seconds = JsonLine.Median(full);
        new JsonLine("tuna_generate")
            .Add("config", config).Add("tied", !untied).Add("parameters", policy.Info.ParameterCount).Add("threads", threads)
            .Add("prompts", prompts).Add("samples", samples).Add("prompt", prompt).Add("new_tokens", newTokens).Add("sampled", !greedy)
                .Add("published", published).Add("decoding", decoding.ToString().ToLowerInvariant())
            .Add("drafted_accepted", Engine.Accepted(policy) is { } accepted ? Math.Round(accepted, 4) : null)
            .Times("total", full).Seconds("prefill_plus_first_token_s", JsonLine.Median(one))
            .Add("new_tokens_per_s", Math.Round((long)prompts * samples * newTokens / seconds, 1))
            .Add("decode_ms_per_step", Math.Round(1000 * (seconds - JsonLine.Median(one)) / Math.Max(1, newTokens - 1), 3))
            .Add("peak_rss_mib", Math.Round(ProcessMemory.PeakMiB, 1)).Add("rss_after_model_build_mib", Math.Round(built, 1))
            .Add("instruction_set", Engine.InstructionSet).Print();

        double Go(int count)
        {
            SamplingRequest[] requests =
            [
                .. ids.Select((p, i) => new SamplingRequest
                {
                    Prompt = p,
                    Count = samples,
                    MaxNewTokens = count,
                    Temperature = greedy ? 0 : 1,
                    Seed = (ulong)i,
                }),
            ];
            long begin = Stopwatch.GetTimestamp();
            IReadOnlyList<IReadOnlyList<SampledResponse>> answers = policy.Sample(requests);
            double elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            if (answers.Any(a => a.Count != samples || a.Any(x => x.Tokens.Count != count)))
                throw new InvalidOperationException($"Not every sample has {count} tokens.");
            return elapsed;
        }
    }
}
