using Tuna.Policies;

namespace Tuna.Llama.Benchmarks;

/// <summary>What the host does in a training step, the optimizer and for a token, on a model so small that arithmetic vanishes.</summary>
/// <param name="Train">Forward and backward of one group.</param>
/// <param name="Optimizer">The optimizer's step.</param>
/// <param name="Token">Drawing one token of one sequence.</param>
internal sealed record HostCost(HostWork Train, HostWork Optimizer, HostWork Token)
{
    private const int Few = 4, Many = 36; // tokens

    /// <summary>Measures a policy.</summary>
    /// <param name="policy">The policy.</param>
    /// <param name="launches">Reads how many kernels were launched; null for none.</param>
    /// <param name="repetitions">Of which the fastest counts.</param>
    public static HostCost Measure(LlamaPolicy policy, Func<long>? launches, int repetitions)
    {
        TokenGroup[] groups = [new TokenGroup("group", new int[4], [new int[2], new int[3]], new double[2])];
        long step = 0;
        HostWork train = Least(Pass, Step), optimizer = Least(Step, Pass);
        HostWork few = Least(() => Sample(Few), () => { }), many = Least(() => Sample(Many), () => { });
        return new HostCost(train, optimizer, (many - few) / (Many - Few));

        void Pass()
        {
            using var pass = policy.Forward(groups);
            pass.Backward([0.5, -0.5]);
        }

        void Step() => policy.ApplyGradients(new AdamWStep(++step, 1e-5, 1, new AdamWSettings()));

        void Sample(int tokens) =>
            policy.Sample([new SamplingRequest { Prompt = new int[4], Count = 1, MaxNewTokens = tokens, Seed = 1, StopTokens = [] }]);

        HostWork Least(Action work, Action between)
        {
            var best = new HostWork(double.MaxValue, 0, 0, 0, 0);
            for (int r = 0; r < repetitions; r++)
            {
                between();
                HostWork before = Counted();
                work();
                HostWork own = Counted() - before;
                best = own with { Microseconds = Math.Min(best.Microseconds, own.Microseconds) };
            }

            return best;
        }

        // The processor's time: what a busy machine cannot stretch.
        HostWork Counted() => new(
            Environment.CpuUsage.TotalTime.TotalMicroseconds,
            TorchSharp.DisposeScopeManager.Statistics.CreatedInScopeCount
                + TorchSharp.DisposeScopeManager.Statistics.CreatedOutsideScopeCount,
            AtenCalls.All, AtenCalls.Outer, launches?.Invoke() ?? 0);
    }

    /// <summary>What one layer more costs.</summary>
    public static HostCost PerLayer(HostCost shallow, HostCost deep, int layers) => new((deep.Train - shallow.Train) / layers,
        (deep.Optimizer - shallow.Optimizer) / layers, (deep.Token - shallow.Token) / layers);
}

/// <summary>Some work of the host.</summary>
/// <param name="Microseconds">Processor time.</param>
/// <param name="Tensors">Tensors that libtorch returned.</param>
/// <param name="Calls">libtorch's operators, those that others call among them; 0 where they are not counted.</param>
/// <param name="Outer">Those that no other operator called.</param>
/// <param name="Launches">Kernels of our own.</param>
internal readonly record struct HostWork(double Microseconds, double Tensors, double Calls, double Outer, double Launches)
{
    public static HostWork operator -(HostWork a, HostWork b) => new(a.Microseconds - b.Microseconds, a.Tensors - b.Tensors,
        a.Calls - b.Calls, a.Outer - b.Outer, a.Launches - b.Launches);

    public static HostWork operator *(HostWork a, double n) => a / (1 / n);

    public static HostWork operator /(HostWork a, double n) => new(a.Microseconds / n, a.Tensors / n, a.Calls / n, a.Outer / n,
        a.Launches / n);
}
