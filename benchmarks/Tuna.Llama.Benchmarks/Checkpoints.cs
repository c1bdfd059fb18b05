using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Llama.Benchmarks;

/// <summary>What checkpoints cost a run: the trainer's own steps without any, with one that training waits for, and with one that is
/// written while it goes on.</summary>
internal static class Checkpoints
{
    /// <summary>Prints a JSON line: seconds of a run of --steps steps with a checkpoint every --every, the least of --reps.</summary>
    public static void Run(Func<string, string, string> option)
    {
        string device = option("--device", "cpu");
        int steps = Number("--steps", 24), every = Number("--every", 6), reps = Number("--reps", 3);
        Workload workload = Workload.Of(option("--size", "small"));
        var seconds = new Dictionary<string, double>();
        for (int rep = 0; rep < reps; rep++)
        {
            foreach (string way in new[] { "none", "waiting", "async" })
            {
                double took = Time(way);
                seconds[way] = Math.Min(took, seconds.GetValueOrDefault(way, double.MaxValue));
            }
        }

        int saved = (steps - 1) / every;
        Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["mode"] = "checkpoint",
            ["engine"] = option("--engine", "torch"),
            ["device"] = device,
            ["parameters"] = workload.Config.Parameters().Sum(p => p.ElementCount),
            ["steps"] = steps,
            ["checkpoints"] = saved,
            ["run_s"] = Math.Round(seconds["none"], 3),
            ["waiting_s_checkpoint"] = Math.Round((seconds["waiting"] - seconds["none"]) / saved, 4),
            ["async_s_checkpoint"] = Math.Round((seconds["async"] - seconds["none"]) / saved, 4),
        }));

        // To the step after the last checkpoint, so that its writing is counted where training waits for it. The one at the end is not.
        double Time(string way)
        {
            string folder = Directory.CreateTempSubdirectory("tuna-benchmark-").FullName;
            using ITrainablePolicy policy = Policy();
            var watch = new Stopwatch();
            var options = new TrainerOptions
            {
                Epochs = steps,
                GroupsPerMicroBatch = workload.Groups.Count,
                RunFolder = folder,
                CheckpointEverySteps = way == "none" ? 0 : every,
                AsyncCheckpoints = way == "async",
            };
            new RankingTrainer(policy, new MarginRankingLoss(0.1, 1, MarginReduction.Released), options)
                .Train(workload.Groups, progress: new Clock(watch, steps));
            Directory.Delete(folder, recursive: true);
            return watch.Elapsed.TotalSeconds;
        }

        ITrainablePolicy Policy() => option("--engine", "torch") == "managed"
            ? ManagedLlama.Create(workload.Config, new ManagedLlamaOptions { Threads = Number("--threads", 1) })
            : LlamaPolicy.Create(workload.Config, new()
            {
                Device = device,
                ComputeType = device == "cpu" ? TensorDType.F32 : TensorDType.BF16,
                Threads = Number("--threads", 1),
            });

        int Number(string name, int value) =>
            int.Parse(option(name, value.ToString(CultureInfo.InvariantCulture)), CultureInfo.InvariantCulture);
    }

    // From the end of the first step, which warms up, to that of the last.
    private sealed class Clock(Stopwatch watch, long steps) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Metrics.Step == 1)
                watch.Start();
            if (value.Metrics.Step == steps)
                watch.Stop();
        }
    }
}
