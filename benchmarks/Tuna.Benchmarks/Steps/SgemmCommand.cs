using System.CommandLine;
using System.Diagnostics;
using Tuna.Benchmarks.Support;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;
using Tuna.Numerics;

namespace Tuna.Benchmarks.Steps;

/// <summary>The matrix product alone, on square matrices.</summary>
internal static unsafe class SgemmCommand
{
    public static Command Create()
    {
        var size = new Option<int>("--size") { Description = "rows and columns of the three matrices", DefaultValueFactory = _ => 1024 };
        var threads = new Option<int>("--threads") { DefaultValueFactory = _ => 1 };
        var reps = new Option<int>("--reps") { DefaultValueFactory = _ => 60 };
        var command = new Command("sgemm", "Speed of the single-precision matrix product; prints one JSON line.") { size, threads, reps };
        command.SetAction(r => Run(r.GetValue(size), r.GetValue(threads), r.GetValue(reps)));
        return command;
    }

    private static void Run(int n, int threads, int reps)
    {
        using var pool = new WorkerPool(threads);
        using NativeBuffer a = Random(n, 1), b = Random(n, 2), c = Random(n, 3);
        Matrix x = new(a.Pointer, n, n), y = new(b.Pointer, n, n), z = new(c.Pointer, n, n);
        // Enough calls and time for the runtime to compile the kernel for good.
        long warmup = Stopwatch.GetTimestamp();
        for (int i = 0; i < 5 || Stopwatch.GetElapsedTime(warmup).TotalSeconds < 0.5; i++)
            Gemm.Multiply(pool, x, y, z, Update.Set);
        var seconds = new double[reps];
        for (int i = 0; i < reps; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            Gemm.Multiply(pool, x, y, z, Update.Set);
            seconds[i] = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        }

        double Speed(double s) => Math.Round(2.0 * n * n * n / s / 1e9, 1);
        new JsonLine("tuna_sgemm").Add("size", n).Add("threads", threads)
            .Add("gflops", Speed(JsonLine.Median(seconds))).Add("gflops_best", Speed(seconds.Min()))
            .Add("reps", reps).Add("instruction_set", Gemm.InstructionSet).Print();
    }

    private static NativeBuffer Random(int n, ulong seed)
    {
        var rng = new Rng(seed);
        var buffer = new NativeBuffer();
        float* p = buffer.Ensure((long)n * n);
        for (long i = 0; i < (long)n * n; i++)
            p[i] = (float)((2 * rng.NextDouble()) - 1);
        return buffer;
    }
}
