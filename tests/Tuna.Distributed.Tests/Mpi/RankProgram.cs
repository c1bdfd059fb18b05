using System.Globalization;

namespace Tuna.Distributed.Tests.Mpi;

/// <summary>The entry point when a test starts this assembly under mpirun. Test runners load the assembly and never come here.</summary>
internal static class RankProgram
{
    public const string Train = "--train", Sums = "--sums", Hang = "--hang";

    public static int Main(string[] args)
    {
        MpiProcessGroup? group = null;
        try
        {
            // A library that is not the launcher's, for the test of that.
            group = MpiProcessGroup.Start(new MpiOptions
            {
                Library = Environment.GetEnvironmentVariable("TUNA_TEST_MPI_LIBRARY"),
                Timeout = TimeSpan.FromSeconds(args is [Hang] ? 2 : 300),
            });
            Run(group, args);
            group.Dispose();
            return 0;
        }
#pragma warning disable CA1031 // reported by exit code
        catch (Exception e)
#pragma warning restore CA1031
        {
            Console.Error.WriteLine(e);
            group?.Abort(3);
            return 3;
        }
    }

    private static void Run(MpiProcessGroup group, string[] args)
    {
        switch (args)
        {
            case [Sums]:
                WriteSums(group);
                break;
            case [Train, string folder, string shard, string rank, string evaluation]:
                RunTraining(group, folder, shard == "sharded", Number(rank), Number(evaluation));
                break;
            case [Hang]:
                if (group.Rank == 1)
                    Thread.Sleep(TimeSpan.FromMinutes(5));
                group.SumTree(new float[8]);
                break;
        }
    }

    /// <summary>Trains; one rank may be killed at one of its micro-batches.</summary>
    private static void RunTraining(MpiProcessGroup group, string folder, bool shard, int killedRank, int evaluation)
    {
        var loss = new WatchedLoss(n =>
        {
            if (group.Rank == killedRank && n == evaluation)
                System.Diagnostics.Process.GetCurrentProcess().Kill();
        });
        TinyRun.Train(group, TinyRun.Options with { RunFolder = folder, ShardOptimizer = shard }, loss);
        if (group.Rank == 0)
            Console.WriteLine(group.LibraryVersion);
    }

    private static void WriteSums(MpiProcessGroup group)
    {
        // Larger than a message, and of a length that no number of ranks divides.
        float[] values = [.. Enumerable.Range(0, 200_003).Select(i => (float)Math.Sin((i * 7) + group.Rank))];
        group.SumTree(values);
        double[] all = new double[2 * group.Size];
        group.AllGather([group.Rank, group.LocalRank], all);
        string text = ((IProcessGroup)group).BroadcastText(group.Rank == group.Size - 1 ? "from the last" : null, group.Size - 1);
        uint hash = 0;
        foreach (float value in values)
            hash = (hash * 31) + BitConverter.SingleToUInt32Bits(value);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{group.Rank} of {group.Size}: {hash} {string.Join(' ', all)} {text}"));
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
