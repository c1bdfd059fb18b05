using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Tuna.Benchmarks.Support;

namespace Tuna.Benchmarks.Steps;

/// <summary>How a step's time and peak memory grow with one size at a time. Every point is a process of its own; the ways take turns at
/// each.</summary>
internal static class GrowCommand
{
    public const string Shared = "prompt shared", PerResponse = "prompt per response", Released = "released way";

    private static readonly Dictionary<string, (int Value, Point Point)[]> Axes = new()
    {
        ["candidates"] = [.. new[] { 2, 4, 8, 16, 32, 64 }.Select(n => (n, new Point { Lengths = [.. Enumerable.Repeat(64, n)] }))],
        ["prompt"] = [.. new[] { 16, 64, 256, 512, 1024 }.Select(p => (p, new Point { Prompt = p }))],
        ["response"] = [.. new[] { 16, 64, 256, 512 }.Select(t => (t, new Point { Lengths = [t, t, t, t] }))],
        ["vocabulary"] = [.. new[] { 8000, 32000, 128256 }.Select(v => (v, new Point { Config = $"288,6,6,6,768,{v}" }))],
        ["width"] = [.. new[] { 192, 288, 384, 576,
            768 }.Select(d => (d, new Point { Config = $"{d},6,{d / 48},{d / 48},{d * 8 / 3},32000" }))],
        ["threads"] = [.. new[] { 1, 2 }.Select(t => (t, new Point { Threads = t }))],
    };

    public static Command Create()
    {
        var axes = new Option<string>("--axes")
        {
            Description = $"comma-separated: {string.Join(", ", Axes.Keys)}; or all",
            DefaultValueFactory = _ => "all",
        };
        var threads = new Option<int>("--threads") { Description = "threads of every axis but threads", DefaultValueFactory = _ => 2 };
        var reps = new Option<int>("--reps") { DefaultValueFactory = _ => 5 };
        var noSharing = new Option<bool>("--no-sharing") { Description =
            "a second line for each point with the prompt computed per response" };
        var released = new Option<string?>("--released")
        {
            Description =
                "a command that takes the released code's step and prints a JSON line with step_s and peak_rss_mib; {config}, {threads}, "
                + "{instructions}, {prompt}, {lengths} and {reps} are filled in",
        };
        var command = new Command("grow",
            "Step time and peak memory along one size at a time; prints one JSON line per point and way.") { axes, threads, reps, noSharing,
            released };
        command.SetAction(r =>
        {
            string names = r.GetValue(axes)!;
            foreach (string axis in names == "all" ? [.. Axes.Keys] : names.Split(','))
            {
                if (!Axes.TryGetValue(axis, out (int Value, Point Point)[]? points))
                    throw new ArgumentException($"There is no axis '{axis}'.");
                foreach ((int value, Point chosen) in points)
                {
                    Point point = chosen with { Threads = chosen.Threads ?? r.GetValue(threads), Reps = r.GetValue(reps) };
                    Print(axis, value, Shared, ChildProcess.Run(["step", .. point.Arguments]).Line);
                    if (r.GetValue(noSharing))
                        Print(axis, value, PerResponse, ChildProcess.Run(["step", .. point.Arguments, "--no-sharing"]).Line);
                    if (r.GetValue(released) is { } command)
                        Print(axis, value, Released, ChildProcess.RunShell(point.Fill(command)));
                }
            }
        });
        return command;
    }

    private static void Print(string axis, int value, string way, JsonObject line)
    {
        line.Insert(0, "axis", axis);
        line.Insert(1, "value", value);
        line.Insert(2, "way", way);
        Console.WriteLine(line.ToJsonString());
    }

    private sealed record Point
    {
        public string Config { get; init; } = "288,6,6,6,768,32000";

        public int Prompt { get; init; } = 64;

        public int[] Lengths { get; init; } = [40, 72, 110, 150];

        public int? Threads { get; init; }

        public int Reps { get; init; }

        public string[] Arguments =>
            ["--instructions", "1", "--config", Config, "--prompt", $"{Prompt}", "--lengths", LengthList, "--threads", $"{Threads}",
                "--reps", $"{Reps}"];

        private string LengthList => string.Join(',', Lengths.Select(n => n.ToString(CultureInfo.InvariantCulture)));

        public string Fill(string command) => command
            .Replace("{config}", Config).Replace("{prompt}", $"{Prompt}").Replace("{lengths}", LengthList)
            .Replace("{threads}", $"{Threads}").Replace("{instructions}", "1").Replace("{reps}", $"{Reps}");
    }
}
