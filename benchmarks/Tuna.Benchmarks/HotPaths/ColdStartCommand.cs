using System.CommandLine;
using System.Text.Json.Nodes;
using Tuna.Benchmarks.Support;

namespace Tuna.Benchmarks.HotPaths;

/// <summary>From the start of a process to the end of its first training step: runtime, compilation, model, step.</summary>
internal static class ColdStartCommand
{
    public static Command Create()
    {
        var config = new Option<string>("--config")
        {
            Description = "as for step; the default is of the quick start's size",
            DefaultValueFactory = _ => "128,4,4,4,384,512",
        };
        var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 2 };
        var lengths = new Option<string>("--lengths") { DefaultValueFactory = _ => "4x24" };
        var reps = new Option<int>("--reps") { DefaultValueFactory = _ => 5 };
        var command = new Command("cold-start", "From process start to the end of the first step; prints one JSON line.") { config, threads,
            lengths, reps };
        command.SetAction(r =>
        {
            string[] arguments =
            [
                "step", "--config", r.GetValue(config)!, "--threads", $"{r.GetValue(threads)}", "--lengths", r.GetValue(lengths)!,
                    "--instructions", "4", "--prompt", "32", "--warmup", "0", "--reps", "1",
            ];
            (JsonObject Line, double WallSeconds)[] runs =
                [.. Enumerable.Range(0, r.GetValue(reps)).Select(_ => ChildProcess.Run(arguments))];
            new JsonLine("tuna_cold_start").Add("config", r.GetValue(config)).Add("threads", r.GetValue(threads))
                .Times("process", [.. runs.Select(x => x.WallSeconds)])
                .Times("first_step", [.. runs.Select(x => (double)x.Line["first_step_s"]!)])
                .Times("build", [.. runs.Select(x => (double)x.Line["build_s"]!)]).Print();
        });
        return command;
    }
}
