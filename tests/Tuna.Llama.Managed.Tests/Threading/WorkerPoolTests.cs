using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Tests.Threading;

public class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void For_ManyJobs_DoesEveryItemOnce(int workers)
    {
        using var pool = new WorkerPool(workers);
        for (int count = 0; count < 300; count++)
        {
            var job = new CountJob { Seen = new int[count] };
            pool.For(count, grain: 1 + (count % 5), ref job);
            Assert.All(job.Seen, n => Assert.Equal(1, n));
        }
    }

    [Fact]
    public void Barrier_PhasesOfAJob_AreSeenByAllWorkers()
    {
        using var pool = new WorkerPool(4);
        for (int round = 0; round < 100; round++)
        {
            var job = new PhaseJob { Pool = pool, Written = new int[4], Sums = new int[4] };
            pool.Run(ref job);
            Assert.Equal([100, 100, 100, 100], job.Sums);
        }
    }

    [Fact]
    public void Run_AfterAPause_WakesTheSleepingWorkers()
    {
        using var pool = new WorkerPool(3);
        for (int i = 0; i < 3; i++)
        {
            Thread.Sleep(30);
            var job = new CountJob { Seen = new int[50] };
            pool.For(50, 1, ref job);
            Assert.Equal(50, job.Seen.Sum());
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Run_APartFails_ThrowsOnTheCallerAndTheNextJobWorks(int failing)
    {
        using var pool = new WorkerPool(2);
        var bad = new FailingJob { Worker = failing };
        Assert.Throws<InvalidTimeZoneException>(() => pool.Run(ref bad));
        var job = new CountJob { Seen = new int[10] };
        pool.For(10, 1, ref job);
        Assert.Equal(10, job.Seen.Sum());
    }

    private struct CountJob : IRangeJob
    {
        public int[] Seen;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int i = from; i < to; i++)
                Seen[i]++;
        }
    }

    private struct PhaseJob : IParallelJob
    {
        public WorkerPool Pool;
        public int[] Written, Sums;

        public readonly void Execute(int worker, int workers)
        {
            Written[worker] = 10 * (worker + 1);
            Pool.Barrier(workers);
            Sums[worker] = Written.Sum();
            Pool.Barrier(workers);
            Written[worker] = 0;
        }
    }

    private struct FailingJob : IParallelJob
    {
        public int Worker;

        public readonly void Execute(int worker, int workers)
        {
            if (worker == Worker)
                throw new InvalidTimeZoneException();
        }
    }
}
