using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Distributed.Tests;

/// <summary>A run of a second over groups of unequal sizes, on any group of processes.</summary>
internal static class TinyRun
{
    public const int Leaves = 4;

    /// <summary>Large enough for several blocks of the optimizer, so that shares differ.</summary>
    public static LlamaConfig Config { get; } = new()
    {
        VocabularySize = 601,
        HiddenSize = 48,
        IntermediateSize = 72,
        LayerCount = 2,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        HeadDimension = 12,
        InitializerRange = 0.2,
    };

    /// <summary>13 groups of 1 to 4 candidates: an epoch's last step has fewer micro-batches than there are leaves.</summary>
    public static TokenGroup[] Groups { get; } = [.. Enumerable.Range(0, 13).Select(i =>
    {
        var rng = new Rng((ulong)i);
        ReadOnlyMemory<int> Tokens() => Enumerable.Range(0, 2 + rng.Next(9)).Select(_ => rng.Next(Config.VocabularySize)).ToArray();
        int k = 1 + rng.Next(4);
        return new TokenGroup($"g{i}", Tokens(), [.. Enumerable.Range(0, k).Select(_ => Tokens())],
            Enumerable.Range(0, k).Select(c => (double)-c).ToArray(), Tokens());
    })];

    /// <summary>Rows that are measured where a metric is watched.</summary>
    public static TokenGroup[] HeldOut { get; } = [.. Groups.Take(3).Select(g => new TokenGroup("held " + g.Id, g.Responses[0],
        [g.Prompt, .. g.Responses.Take(1)], new double[] { 1, 0 }, g.Responses[0]))];

    public static TrainerOptions Options { get; } = new()
    {
        Epochs = 2,
        GroupsPerMicroBatch = 1,
        MicroBatchesPerStep = 6,
        GradientLeaves = Leaves,
        LearningRate = 1e-2,
        Optimizer = new AdamWSettings { WeightDecay = 0.01 },
        CheckpointEverySteps = 1,
    };

    /// <summary>Trains a fresh model; its weights are saved in 16 bits, so that the full ones are beside them.</summary>
    public static TrainingResult Train(IProcessGroup group, TrainerOptions options, IRankingLoss? loss = null, int threads = 1,
        Action<ManagedLlama>? look = null, CancellationToken cancellationToken = default)
    {
        using ManagedLlama model = ManagedLlama.Create(Config, new() { Seed = 1, Threads = threads, SavedType = TensorDType.BF16 });
        TrainingResult result = new RankingTrainer(model, loss ?? new MarginRankingLoss(), options, group: group)
            .Train(Groups, evaluate: Evaluate, heldOut: options.WatchedMetric is null ? null : new(HeldOut),
                cancellationToken: cancellationToken);
        look?.Invoke(model);
        return result;

        Dictionary<string, double> Evaluate(long step, CancellationToken stop)
        {
            double[] values = new double[Groups[0].Responses.Count];
            model.Score([Groups[0]], values, stop);
            return new() { ["first"] = values[0] };
        }
    }

    /// <summary>Trains on ranks as threads, one of which writes into a folder, and gives the folder's content.</summary>
    public static SortedDictionary<string, string> Outcome(int ranks, string folder, Func<TrainerOptions, TrainerOptions>? change = null,
        Func<int, IRankingLoss>? loss = null, int threads = 1)
    {
        TrainerOptions options = Options with { RunFolder = folder };
        ThreadGroup.Run(ranks, group => Train(group, change?.Invoke(options) ?? options, loss?.Invoke(group.Rank), threads));
        return FolderContent.Of(folder);
    }
}

/// <summary>A folder as its files' hashes.</summary>
internal static class FolderContent
{
    public static SortedDictionary<string, string> Of(string folder)
    {
        var content = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            if (Path.GetExtension(file) != ".lock")
                content[Path.GetRelativePath(folder, file)] =
                    Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)));
        }

        return content;
    }
}
