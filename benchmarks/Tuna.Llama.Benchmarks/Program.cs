using System.Diagnostics;
using System.Globalization;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama;
using Tuna.Llama.Benchmarks;

// One variant per process, so that each has a peak memory of its own; the variants take turns, so that a busy machine is busy for all.
TorchRuntime.Load();
if (args is ["host", ..])
{
    Host.Run(Option("--only"), Option("--tokenizer"));
    return;
}

if (args is ["checkpoint", ..])
{
    Checkpoints.Run((name, value) => Option(name) ?? value);
    return;
}

if (args is ["nf4", ..])
{
    Accuracy.Run(Option("--model") ?? throw new ArgumentException("nf4 needs --model FOLDER."), Option("--device") ?? "cpu");
    return;
}

if (args is ["step" or "sample" or "real", ..])
{
    var measured = new Measured((name, value) => Option(name) ?? value);
    (args[0] switch { "step" => measured.Step, "sample" => measured.Sample, _ => (Action)measured.Real })();
    return;
}

string device = Option("--device") ?? "cpu";
string size = Option("--size") ?? "small";
int rounds = int.Parse(Option("--rounds") ?? "2", CultureInfo.InvariantCulture),
    steps = int.Parse(Option("--steps") ?? "5", CultureInfo.InvariantCulture);
string threads = Option("--threads") ?? "1";
if (Option("--only") is { } only)
{
    Console.WriteLine(Variants.Measure(only, Workload.Of(size), device, steps, int.Parse(threads, CultureInfo.InvariantCulture)));
    return;
}

var results = new Dictionary<string, List<Result>>();
for (int round = 0; round < rounds; round++)
{
    foreach (string variant in Variants.Names.Where(v => device == "cpu" || v != Variants.Managed))
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!,
            ["--only", variant, "--device", device, "--size", size, "--steps", steps.ToString(CultureInfo.InvariantCulture), "--threads",
            threads]) { RedirectStandardOutput = true };
        using Process child = Process.Start(start)!;
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0)
            throw new InvalidOperationException($"{variant} failed: {output}");
        if (!results.TryGetValue(variant, out List<Result>? list))
            results[variant] = list = [];
        list.Add(Result.Parse(output.Trim().Split('\n')[^1]));
    }
}

Workload workload = Workload.Of(size);
double baseline = results[Variants.Raw].Min(r => r.ProcessorMilliseconds);
Console.WriteLine($"{workload}; {device}; {threads} thread(s); best of {rounds * steps} steps; peak memory of the process");
Console.WriteLine();
Console.WriteLine("| step | ms | processor ms | raw / this | peak MB | estimated MB | loss |");
Console.WriteLine("|---|---|---|---|---|---|---|");
foreach ((string variant, List<Result> list) in results)
{
    double processor = list.Min(r => r.ProcessorMilliseconds);
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
        $"| {variant} | {list.Min(r => r.Milliseconds):0} | {processor:0} | {baseline / processor:0.0} | "
        + $"{list.Max(r => r.PeakMegabytes):0} | {Estimate(variant)} | {list[0].Loss:0.000000} |"));
}

// What the allocator keeps of freed blocks comes on top of the estimate: see docs/torchsharp-performance.md.
string Estimate(string variant)
{
    if (variant is not (Variants.Keep or Variants.Recompute))
        return "";
    ActivationMode mode = variant == Variants.Keep ? ActivationMode.Keep : ActivationMode.Recompute;
    return (MemoryEstimate.Of(workload.Config, null, device == "cpu"
        ? TensorDType.F32 : TensorDType.BF16, true, workload.Groups, mode, device).Total / 1e6).ToString("0", CultureInfo.InvariantCulture);
}

string? Option(string name)
{
    int at = Array.IndexOf(args, name);
    return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
}
