using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Distributed.Tests;

/// <summary>The embedded engine over ranks: weights, metrics and checkpoints have the bytes that one process gives.</summary>
public sealed class DataParallelTests : IDisposable
{
    private readonly TempFolder _temp = new(inMemory: true);

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(2, false)]
    [InlineData(4, false)]
    [InlineData(2, true)]
    [InlineData(4, true)]
    public void Train_OnRanks_WritesTheRunFolderOfOneProcess(int ranks, bool shard)
    {
        SortedDictionary<string, string> one = TinyRun.Outcome(1, _temp["one"]);
        SortedDictionary<string, string> several = TinyRun.Outcome(ranks, _temp["several"],
            o => o with { ShardOptimizer = shard, AsyncCheckpoints = shard });
        Assert.Equal(one, several);
        Assert.True(one.Count > 10);
    }

    [Theory]
    [InlineData(2, false)]
    [InlineData(4, true)]
    public void Train_WatchedOnRanks_StopsAndEndsWithTheBestAsOneProcess(int ranks, bool shard)
    {
        TrainerOptions Change(TrainerOptions o) => o with
        {
            Epochs = 6,
            EvaluateEverySteps = 1,
            CheckpointEverySteps = 4,
            KeepCheckpoints = 1,
            WatchedMetric = HeldOutRows.Loss,
            Patience = 3,
            EndWithBest = true,
            ShardOptimizer = shard,
            AsyncCheckpoints = shard,
            RunFolder = _temp["one"],
        };
        ulong best = 0;
        TrainingResult one = TinyRun.Train(IProcessGroup.Single, Change(TinyRun.Options), look: m => best = m.WeightsHash());
        Assert.True(one.StoppedEarly);
        Assert.InRange(one.BestStep, 1, one.Steps - 1);
        IReadOnlyList<(long, long, ulong)> ends = ThreadGroup.Run(ranks, group =>
        {
            ulong weights = 0;
            TrainingResult mine = TinyRun.Train(group, Change(TinyRun.Options) with { RunFolder = _temp["several"] },
                look: m => weights = m.WeightsHash());
            return (mine.Steps, mine.BestStep, weights);
        });
        Assert.Equal(Enumerable.Repeat((one.Steps, one.BestStep, best), ranks), ends);
        Assert.Equal(FolderContent.Of(_temp["one"]), FolderContent.Of(_temp["several"]));
    }

    [Fact]
    public void Train_OneLeafOrFour_DiffersInRoundingOnly()
    {
        TrainingResult leaves = TinyRun.Train(IProcessGroup.Single, TinyRun.Options),
            plain = TinyRun.Train(IProcessGroup.Single, TinyRun.Options with { GradientLeaves = 1 });
        for (int s = 0; s < plain.History.Count; s++)
        {
            Assert.Equal(plain.History[s].Loss, leaves.History[s].Loss, 1e-3);
            Assert.Equal(plain.History[s].GradientNorm, leaves.History[s].GradientNorm, 1e-3 * plain.History[s].GradientNorm);
            Assert.Equal(plain.History[s].Tokens, leaves.History[s].Tokens);
        }
    }

    [Theory]
    [InlineData(PassMode.ScoreFirst, 0, 1.0, 1)]
    [InlineData(PassMode.Fused, 40, 1.0, 1)] // micro-batches by tokens: another number in every step
    [InlineData(PassMode.Fused, 0, 0.05, 1)] // every step is clipped
    [InlineData(PassMode.Fused, 0, 1.0, 2)] // threads
    public void Train_WithOtherSettings_IsAsOneProcess(PassMode mode, int tokens, double clip, int threads)
    {
        TrainerOptions Change(TrainerOptions o) => o with
        {
            PassMode = mode,
            MicroBatchTokens = tokens,
            MaxGradientNorm = clip,
            CheckpointEverySteps = 0,
        };
        SortedDictionary<string, string> one = TinyRun.Outcome(1, _temp["one"], Change);
        Assert.Equal(one, TinyRun.Outcome(4, _temp["four"], o => Change(o) with { ShardOptimizer = true }, threads: threads));
    }

    [Fact]
    public void Train_SatisfiedPairsOnly_IsAsOneProcess()
    {
        // Without a margin and a likelihood term most responses have no gradient, and some leaves none at all.
        static IRankingLoss Loss(int rank) => new MarginRankingLoss(0, 0);
        Assert.Equal(TinyRun.Outcome(1, _temp["one"], loss: Loss), TinyRun.Outcome(4, _temp["four"], loss: Loss));
    }

    [Theory]
    [InlineData("g3")]
    [InlineData("g12")]
    public void Train_NaNInAGroup_SkipsTheSameStepsAsOneProcess(string id)
    {
        TrainerOptions Change(TrainerOptions o) => o with { OnNonFinite = NonFiniteAction.SkipStep };
        IRankingLoss Loss(int rank) =>
            new SpoiltLoss(TinyRun.Groups.Single(g => g.Id == id).Responses.Count,
            TinyRun.Groups.Single(g => g.Id == id).Responses[0].Length);
        SortedDictionary<string, string> one = TinyRun.Outcome(1, _temp["one"], Change, Loss);
        Assert.Equal(one, TinyRun.Outcome(2, _temp["two"], Change, Loss));
        Assert.Contains("\"skipped\":\"", File.ReadAllText(_temp["two", "metrics.jsonl"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Train_NaNThatIsNotSkipped_ThrowsTheSameOnAllRanks()
    {
        IReadOnlyList<string> messages = ThreadGroup.Run(4, group => Assert.Throws<NonFiniteTrainingException>(
            () => TinyRun.Train(group, TinyRun.Options,
                new SpoiltLoss(TinyRun.Groups[3].Responses.Count, TinyRun.Groups[3].Responses[0].Length))).Message);
        Assert.Single(messages.Distinct());
        Assert.Contains("'g3'", messages[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Train_OneRankCancelledAnywhere_AllStopAtTheSameStepAndResumeOnOtherRanks(int evaluation)
    {
        SortedDictionary<string, string> expected =
            TinyRun.Outcome(1, _temp["one"], o => o with { CheckpointEverySteps = 3, ShardOptimizer = true });
        TrainerOptions options = TinyRun.Options with { RunFolder = _temp["stopped"], CheckpointEverySteps = 3, ShardOptimizer = true };
        ThreadGroup.Run(4, group =>
        {
            using var cancel = new CancellationTokenSource();
            IRankingLoss loss = new WatchedLoss(n =>
            {
                if (group.Rank == 2 && n == evaluation)
                    cancel.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(() => TinyRun.Train(group, options, loss, cancellationToken: cancel.Token));
            return 0;
        });
        ThreadGroup.Run(2, group => TinyRun.Train(group, options));
        // A stopped run leaves one checkpoint more; what is the run itself is the same.
        SortedDictionary<string, string> resumed = FolderContent.Of(_temp["stopped"]);
        Assert.Equal(expected["metrics.jsonl"], resumed["metrics.jsonl"]);
        string last = expected.Keys.Where(k => k.StartsWith("checkpoint-", StringComparison.Ordinal))
            .Max(StringComparer.Ordinal)!.Split(Path.DirectorySeparatorChar)[0];
        Assert.Equal(expected.Where(f => f.Key.StartsWith(last, StringComparison.Ordinal)),
            resumed.Where(f => f.Key.StartsWith(last, StringComparison.Ordinal)));
    }

    [Fact]
    public void Train_RankWithOtherData_IsRefusedByName()
    {
        var e = Assert.Throws<ProcessGroupException>(() =>
            ThreadGroup.Run(2, group => TinyRun.Train(group, TinyRun.Options with { LearningRate = group.Rank == 0 ? 1e-2 : 2e-2 })));
        Assert.Contains("Rank 1", e.Message, StringComparison.Ordinal);
        Assert.Contains("LearningRate", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_RankWithOtherWeights_IsRefusedByName()
    {
        var e = Assert.Throws<ProcessGroupException>(() => ThreadGroup.Run(2, group =>
        {
            using ManagedLlama model = ManagedLlama.Create(TinyRun.Config, new() { Seed = (ulong)group.Rank, Threads = 1 });
            return new RankingTrainer(model, new MarginRankingLoss(), TinyRun.Options, group: group).Train(TinyRun.Groups);
        }));
        Assert.Contains("rank 1 has other weights", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Train_LeavesThatRanksCannotShare_NamesTheOption() =>
        Assert.Contains("GradientLeaves",
            Assert.Throws<ArgumentException>(() => ThreadGroup.Run(8, group => TinyRun.Train(group, TinyRun.Options))).Message,
            StringComparison.Ordinal);

    [Fact]
    public void Train_Sharded_KeepsAShareOfTheMoments()
    {
        IReadOnlyList<long> kept = ThreadGroup.Run(4, group =>
        {
            long own = 0;
            TinyRun.Train(group, TinyRun.Options with { ShardOptimizer = true, Epochs = 1 },
                look: model => own = model.OptimizerStateBytes);
            return own;
        });
        long whole = 0;
        TinyRun.Train(IProcessGroup.Single, TinyRun.Options with { Epochs = 1 }, look: model => whole = model.OptimizerStateBytes);
        Assert.Equal(whole, kept.Sum());
        Assert.All(kept, own => Assert.InRange(own, 1, whole / 2));
    }
}

/// <summary>The margin loss, NaN for a micro-batch of a certain shape.</summary>
internal sealed class SpoiltLoss(int responses, int firstLength) : IRankingLoss
{
    private readonly MarginRankingLoss _inner = new();

    public LossNeeds Needs => _inner.Needs;

    public LossDescription Describe() => _inner.Describe();

    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        double loss = _inner.Evaluate(batch, gradient);
        return batch.ResponseCount == responses && batch.Lengths[0] == firstLength ? double.NaN : loss;
    }
}

/// <summary>The margin loss, counting.</summary>
internal sealed class WatchedLoss(Action<int> evaluated) : IRankingLoss
{
    private readonly MarginRankingLoss _inner = new();
    private int _count;

    public LossNeeds Needs => _inner.Needs;

    public LossDescription Describe() => _inner.Describe();

    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        evaluated(++_count);
        return _inner.Evaluate(batch, gradient);
    }
}
