using Tuna.IO;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

/// <summary>Checkpoints that are written while training goes on: the same files, and nothing that can be lost.</summary>
public sealed class AsyncCheckpointTests : IDisposable
{
    private static readonly TokenGroup[] Groups = TrainingFixtures.Groups(11);
    private static readonly TrainerOptions Options = TrainingFixtures.Options with { Epochs = 3, AsyncCheckpoints = true };
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly TempFolder _temp = new(inMemory: true);

    public void Dispose() => _temp.Dispose();

    private static TrainingResult Run(string folder, ITrainableScorer policy, bool async = true,
        CancellationToken cancellationToken = default) =>
        new RankingTrainer(policy, new HingeLoss(), Options with { RunFolder = folder, AsyncCheckpoints = async })
            .Train(Groups, cancellationToken: cancellationToken);

    /// <summary>Every file of a run folder, as bytes.</summary>
    private static Dictionary<string, string> Files(string folder) =>
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .ToDictionary(f => Path.GetRelativePath(folder, f), f => Convert.ToHexString(File.ReadAllBytes(f)));

    private Dictionary<string, string> Expected()
    {
        using var policy = new BigramPolicy();
        Run(_temp["expected"], policy, async: false);
        return Files(_temp["expected"]);
    }

    [Fact]
    public void Train_Async_LeavesTheFilesOfARunThatWaits()
    {
        using var policy = new BigramPolicy();
        TrainingResult result = Run(_temp["run"], policy);
        Assert.Equal(Expected(), Files(_temp["run"]));
        Assert.Equal(TrainingCheckpoint.FolderName(result.Steps, 0), Path.GetFileName(result.Checkpoint));
    }

    [Fact]
    public void Train_WhileACheckpointIsWritten_GoesOn()
    {
        using var stepped = new ManualResetEventSlim();
        int updatesAtCopy = 0;
        using var inner = new BigramPolicy();
        using var policy = new CopyWatcher(inner)
        {
            Copying = () => updatesAtCopy = inner.Updates.Count,
            Saving = _ => Assert.True(updatesAtCopy > 1 || stepped.Wait(Patience), "training waits for its checkpoint"),
        };
        inner.At = at =>
        {
            if (at == "applied" && inner.Updates.Count == 2) // the step after the first checkpoint
                stepped.Set();
        };
        Run(_temp["run"], policy);
        Assert.Equal(Expected(), Files(_temp["run"]));
    }

    [Fact]
    public void Train_KilledWhileACheckpointIsWritten_ResumesToTheSameBytes()
    {
        Dictionary<string, string> expected = Expected();
        var snapshots = new List<string>();
        Lock one = new();
        using var inner = new BigramPolicy();
        void Snapshot()
        {
            lock (one)
                snapshots.Add(Copy(_temp["run"], _temp[$"snapshot{snapshots.Count}"]));
        }

        inner.At = _ =>
        {
            lock (one)
            {
            }
        };
        using (var policy = new CopyWatcher(inner) { Saving = _ => Snapshot(), Saved = _ => Snapshot() })
            Run(_temp["run"], policy);
        Assert.True(snapshots.Count >= 6, $"{snapshots.Count}");
        foreach (string snapshot in snapshots)
        {
            using var resumed = new BigramPolicy();
            Run(snapshot, resumed);
            Assert.Equal(expected, Files(snapshot));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void Train_CheckpointCannotBeWritten_EndsWithTheReasonAndResumes(int which)
    {
        int saves = 0;
        using (var policy = new CopyWatcher(new BigramPolicy())
        {
            Saved = _ =>
            {
                if (++saves == which)
                    throw new IOException("No space left on device.");
            },
        })
        {
            Assert.Equal("No space left on device.", Assert.Throws<IOException>(() => Run(_temp["run"], policy)).Message);
        }

        Assert.Empty(Directory.GetFileSystemEntries(_temp["run"], "*" + AtomicFile.PartialSuffix));
        using var resumed = new BigramPolicy();
        Run(_temp["run"], resumed);
        Assert.Equal(Expected(), Files(_temp["run"]));
    }

    [Fact]
    public void Train_NoRoomForACopy_WritesBeforeItGoesOn()
    {
        using var inner = new BigramPolicy();
        using var policy = new CopyWatcher(inner) { None = true };
        inner.At = at =>
        {
            if (at == "applied" && inner.Updates.Count > 1)
                Assert.Equal(inner.Updates.Count - 1, TrainingCheckpoint.FindLatest(_temp["run"])!.Step);
        };
        Run(_temp["run"], policy);
        Assert.Equal(Expected(), Files(_temp["run"]));
    }

    [Fact]
    public void Train_Cancelled_LeavesWhenTheLastCheckpointIsThere()
    {
        using var cancel = new CancellationTokenSource();
        using var inner = new BigramPolicy();
        using var policy = new CopyWatcher(inner) { Saving = _ => Thread.Sleep(20) };
        inner.At = at =>
        {
            if (at == "applied" && inner.Updates.Count == 3)
                cancel.Cancel();
        };
        Assert.Throws<OperationCanceledException>(() => Run(_temp["run"], policy, cancellationToken: cancel.Token));
        Assert.Equal(3, TrainingCheckpoint.FindLatest(_temp["run"])!.Step);
    }

    private static string Copy(string folder, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string each in Directory.GetDirectories(folder, "*", SearchOption.AllDirectories))
            Directory.CreateDirectory(Path.Combine(to, Path.GetRelativePath(folder, each)));
        // A lock dies with its process.
        foreach (string file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => !f.EndsWith(FileLock.Suffix, StringComparison.Ordinal)))
            File.Copy(file, Path.Combine(to, Path.GetRelativePath(folder, file)));
        return to;
    }

    /// <summary>A policy that lets one see when its copies are made and saved.</summary>
    private sealed class CopyWatcher(BigramPolicy inner) : ITrainablePolicy
    {
        public Action Copying { get; init; } = () => { };

        public Action<string> Saving { get; init; } = _ => { };

        public Action<string> Saved { get; init; } = _ => { };

        public bool None { get; init; }

        public PolicyInfo Info => inner.Info;

        public IStateCopy? CopyState()
        {
            Copying();
            return None ? null : new Watched(this, inner.CopyState()!);
        }

        public void Score(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken = default) =>
            inner.Score(groups, values, cancellationToken);

        public IForwardPass Forward(IReadOnlyList<TokenGroup> groups, CancellationToken cancellationToken = default) =>
            inner.Forward(groups, cancellationToken);

        public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
            CancellationToken cancellationToken = default) => inner.Sample(requests, cancellationToken);

        public double GradientNorm() => inner.GradientNorm();

        public void ApplyGradients(in AdamWStep step) => inner.ApplyGradients(step);

        public void ClearGradients() => inner.ClearGradients();

        public void SaveModel(string folder) => inner.SaveModel(folder);

        public void SaveTrainingState(string folder) => inner.SaveTrainingState(folder);

        public void LoadTrainingState(string folder) => inner.LoadTrainingState(folder);

        public void Dispose() => inner.Dispose();

        private sealed class Watched(CopyWatcher watcher, IStateCopy copy) : IStateCopy
        {
            public void Save(string folder)
            {
                watcher.Saving(folder);
                copy.Save(folder);
                watcher.Saved(folder);
            }

            public void Dispose() => copy.Dispose();
        }
    }
}
