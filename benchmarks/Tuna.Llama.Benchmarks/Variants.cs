using System.Diagnostics;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Llama.Benchmarks;

/// <summary>The ways to take one step: forward, the released code's loss, backward, AdamW.</summary>
internal static class Variants
{
    public const string Raw = "raw TorchSharp, as the released code does";
    public const string Keep = "Tuna.Llama, activations kept";
    public const string Recompute = "Tuna.Llama, layers recomputed";
    public const string Managed = "Tuna.Llama.Managed";

    private static readonly MarginRankingLoss Loss = new(0.1, 1, MarginReduction.Released);

    public static IReadOnlyList<string> Names => [Raw, Keep, Recompute, Managed];

    public static Result Measure(string variant, Workload workload, string device, int steps, int threads)
    {
        torch.set_num_threads(threads);
        using IStep step = Create(variant, workload, device, threads);
        double loss = step.Run(1); // warm-up, and the loss of the untrained model
        double best = double.PositiveInfinity, least = double.PositiveInfinity;
        using Process self = Process.GetCurrentProcess();
        for (int i = 0; i < steps; i++)
        {
            TimeSpan before = self.TotalProcessorTime;
            var watch = Stopwatch.StartNew();
            step.Run(i + 2);
            if (device != "cpu")
                torch.cuda.synchronize();
            best = Math.Min(best, watch.Elapsed.TotalMilliseconds);
            self.Refresh();
            least = Math.Min(least, (self.TotalProcessorTime - before).TotalMilliseconds);
        }

        return new Result(best, least, self.PeakWorkingSet64 / 1e6, loss);
    }

    private static IStep Create(string variant, Workload workload, string device, int threads)
    {
        // The same weights for all, from the TorchSharp engine's seed; the embedded engine reads them from a folder.
        var type = device == "cpu" ? TensorDType.F32 : TensorDType.BF16;
        switch (variant)
        {
            case Raw:
                return new RawStep(LlamaPolicy.Create(workload.Config, new() { Trainable = false, Device = device, ComputeType = type }),
                    workload);
            case Keep:
            case Recompute:
                return new PolicyStep(LlamaPolicy.Create(workload.Config,
                    new() { Activations = variant == Keep
                    ? ActivationMode.Keep : ActivationMode.Recompute, Device = device, ComputeType = type }), workload);
            case Managed:
                string folder = Directory.CreateTempSubdirectory("tuna-benchmark-").FullName;
                try
                {
                    using (LlamaPolicy policy = LlamaPolicy.Create(workload.Config, new() { Trainable = false }))
                        policy.SaveModel(folder);
                    return new PolicyStep(ManagedLlama.Load(folder, new ManagedLlamaOptions { Threads = threads }), workload);
                }
                finally
                {
                    Directory.Delete(folder, recursive: true);
                }

            default:
                throw new ArgumentException($"There is no variant '{variant}'.");
        }
    }

    /// <summary>One way.</summary>
    private interface IStep : IDisposable
    {
        double Run(long step);
    }

    /// <summary>Through the engine's seam.</summary>
    private sealed class PolicyStep(ITrainablePolicy policy, Workload workload) : IStep
    {
        public double Run(long step)
        {
            double loss;
            using (IForwardPass pass = policy.Forward(workload.Groups))
            {
                var gradient = new double[pass.Values.Length];
                loss = Loss.Evaluate(
                    new RankingBatch
                    {
                        Offsets = Enumerable.Range(0, workload.Groups.Count + 1).Select(g => 4 * g).ToArray(),
                        CandidateCounts = workload.Groups.Select(g => g.CandidateCount).ToArray(),
                        Values = pass.Values,
                        Lengths = workload.Groups.SelectMany(g => g.Responses).Select(r => r.Length).ToArray(),
                        Scores = workload.Groups.SelectMany(g => g.Scores.ToArray()).ToArray(),
                    },
                    gradient);
                pass.Backward(gradient);
            }

            policy.ApplyGradients(new AdamWStep(step, 1e-5, 1, new AdamWSettings()));
            return loss;
        }

        public void Dispose() => policy.Dispose();
    }

    /// <summary>With TorchSharp's own operations and optimizer.</summary>
    private sealed class RawStep(LlamaPolicy policy, Workload workload) : IStep
    {
        private readonly ReleasedStep _step = new(policy.Model, workload.Groups);

        public double Run(long step) => _step.Run();

        public void Dispose()
        {
            _step.Dispose();
            policy.Dispose();
        }
    }
}
