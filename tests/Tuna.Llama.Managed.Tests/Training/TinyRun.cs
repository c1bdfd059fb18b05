using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Losses;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Llama.Managed.Tests.Training;

/// <summary>A run of the embedded engine that takes a second: what is interrupted and resumed.</summary>
internal static class TinyRun
{
    private static readonly LlamaConfig Config = new()
    {
        VocabularySize = 40,
        HiddenSize = 16,
        IntermediateSize = 24,
        LayerCount = 2,
        HeadCount = 4,
        KeyValueHeadCount = 2,
        HeadDimension = 4,
        InitializerRange = 0.2,
    };

    public static TokenGroup[] Groups { get; } = Enumerable.Range(0, 11).Select(i =>
    {
        var rng = new Rng((ulong)i);
        ReadOnlyMemory<int> Tokens() => Enumerable.Range(0, 3 + rng.Next(6)).Select(_ => rng.Next(40)).ToArray();
        return new TokenGroup($"g{i}", Tokens(), [Tokens(), Tokens(), Tokens()], new double[] { 2, 1, 0 }, Tokens());
    }).ToArray();

    /// <summary>11 groups, 2 per micro-batch, 3 micro-batches a step, 2 epochs: 12 micro-batches, each followed by a checkpoint.</summary>
    public static TrainerOptions Options(string folder) => new()
    {
        RunFolder = folder,
        Epochs = 2,
        GroupsPerMicroBatch = 2,
        MicroBatchesPerStep = 3,
        LearningRate = 1e-2,
        Optimizer = new AdamWSettings { WeightDecay = 0.01 },
        CheckpointEverySteps = 1,
        CheckpointEveryMicroBatches = 1,
    };

    /// <summary>A fresh policy. Weights are saved in 16 bits, so that the engine has to keep the full ones beside them.</summary>
    public static ManagedLlama Policy() => ManagedLlama.Create(Config, new() { Seed = 1, Threads = 2, SavedType = TensorDType.BF16 });

    /// <summary>Trains to the end, or resumes.</summary>
    /// <param name="folder">The run folder.</param>
    /// <param name="evaluations">Called with the number of loss evaluations so far, in the middle of a pass.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    public static TrainingResult Train(string folder, Action<int>? evaluations = null, CancellationToken cancellationToken = default)
    {
        using ManagedLlama policy = Policy();
        return new RankingTrainer(policy, new WatchedLoss(evaluations), Options(folder))
            .Train(Groups, cancellationToken: cancellationToken);
    }

    private sealed class WatchedLoss(Action<int>? evaluations) : IRankingLoss
    {
        private readonly MarginRankingLoss _inner = new();
        private int _count;

        public LossNeeds Needs => _inner.Needs;

        public LossDescription Describe() => _inner.Describe();

        public double Evaluate(in RankingBatch batch, Span<double> gradient)
        {
            evaluations?.Invoke(++_count);
            return _inner.Evaluate(batch, gradient);
        }
    }
}
