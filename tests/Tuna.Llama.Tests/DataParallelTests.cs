using System.Security.Cryptography;
using Tuna.Distributed;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Llama.Tests;

/// <summary>The TorchSharp engine over ranks, on the CPU: the bytes of one process.</summary>
public sealed class DataParallelTests : IDisposable
{
    private readonly TempFolder _temp = new(inMemory: true);

    public static TheoryData<string, bool> Kinds => new()
    {
        { "float32", false },
        { "float32", true },
        { "bfloat16", true },
        { "lora with dropout", false },
        { "lora with dropout", true },
        { "moments of a byte", true },
        { "groups of parameters", true },
    };

    public void Dispose() => _temp.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Train_OnRanks_WritesTheRunFolderOfOneProcess(string kind, bool shard)
    {
        SortedDictionary<string, string> one = Outcome(1, _temp["one"], kind, shard);
        Assert.True(one.Count > 8);
        Assert.Equal(one, Outcome(2, _temp["two"], kind, shard));
        Assert.Equal(one, Outcome(4, _temp["four"], kind, shard));
    }

    [Fact]
    public void Train_Stopped_GoesOnWithOtherRanks()
    {
        SortedDictionary<string, string> one = Outcome(1, _temp["one"], "lora with dropout", shard: true);
        Outcome(4, _temp["stopped"], "lora with dropout", shard: true, stopAfter: 2);
        Assert.Equal(one, Outcome(2, _temp["stopped"], "lora with dropout", shard: true));
    }

    [Fact]
    public void Train_Sharded_KeepsAShareOfTheMoments()
    {
        IReadOnlyList<long> kept = ThreadGroup.Run(4, group => Train(group, null, "float32", shard: true));
        long whole = Train(IProcessGroup.Single, null, "float32", shard: true);
        Assert.Equal(whole, kept.Sum());
        Assert.All(kept, own => Assert.InRange(own, whole / 8, whole / 2));
        // As estimated: exactly in sum; a rank's share depends on how whole tensors can be dealt out.
        MemoryEstimate estimate =
            MemoryEstimate.Of(Tiny.Config, null, TensorDType.F32, trainable: true, Batches.Random(1, 2, Tiny.Config.VocabularySize),
            ActivationMode.Keep);
        Assert.Equal(whole, estimate.Moments);
        Assert.InRange(kept.Max(), estimate.OfRank(4).Moments, 2 * estimate.OfRank(4).Moments);
        Assert.Equal(3 * estimate.Gradients, estimate.OfRank(2, leaves: 8).Gradients);
        Assert.Throws<ArgumentOutOfRangeException>(() => estimate.OfRank(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => estimate.OfRank(4, leaves: 2));
    }

    private static SortedDictionary<string, string> Outcome(int ranks, string folder, string kind, bool shard, int? stopAfter = null)
    {
        ThreadGroup.Run(ranks, group => Train(group, folder, kind, shard, stopAfter));
        var content = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetExtension(f) != ".lock"))
            content[Path.GetRelativePath(folder, file)] = Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));
        return content;
    }

    /// <summary>Trains; gives the bytes of moments that this rank keeps.</summary>
    private static long Train(IProcessGroup group, string? folder, string kind, bool shard, int? stopAfter = null)
    {
        using LlamaPolicy policy = Tiny.Policy(Options(kind));
        TokenGroup[] groups = [.. Enumerable.Range(0, 3).SelectMany(i => Batches.Random(3, 1 + i, Tiny.Config.VocabularySize, (ulong)i))];
        var options = new TrainerOptions
        {
            Epochs = 2,
            MicroBatchesPerStep = 5,
            GradientLeaves = 4,
            LearningRate = 1e-2,
            CheckpointEverySteps = 1,
            RunFolder = folder,
            ShardOptimizer = shard,
            AsyncCheckpoints = shard,
        };
        using var stop = new CancellationTokenSource();
        var progress = new StopAfter(stopAfter, stop);
        try
        {
            new RankingTrainer(policy, Tiny.Loss, options, group: group).Train(groups, progress: progress, cancellationToken: stop.Token);
        }
        catch (OperationCanceledException) when (stopAfter is not null)
        {
            // What the test is about.
        }

        return policy.OptimizerStateBytes;
    }

    private static LlamaPolicyOptions Options(string kind) => kind switch
    {
        "bfloat16" => new() { Threads = 1, ComputeType = TensorDType.BF16 },
        "lora with dropout" => new() { Threads = 1, Lora = Tiny.Lora with { Dropout = 0.2 } },
        "moments of a byte" => new() { Threads = 1, Moments = MomentPrecision.EightBit },
        "groups of parameters" => new() { Threads = 1, ParameterGroups = [ParameterGroup.NoDecayForNormsAndBiases] },
        _ => new() { Threads = 1 },
    };

    private sealed class StopAfter(int? steps, CancellationTokenSource stop) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Metrics.Step == steps)
                stop.Cancel();
        }
    }
}
