using Tuna.Models;
using Tuna.Models.Checkpoints;

namespace FineTuneLlama;

/// <summary>What the command line says.</summary>
internal sealed record Settings
{
    public required string Model { get; init; }

    public required string Data { get; init; }

    public required string Output { get; init; }

    public required string Device { get; init; }

    public TensorDType? ComputeType { get; init; }

    public required string Template { get; init; }

    public int LoraRank { get; init; }

    public bool RewardModel { get; init; }

    public int Epochs { get; init; }

    public double LearningRate { get; init; }

    public int GroupsPerStep { get; init; }

    public int MaxLength { get; init; }

    public double HeldOut { get; init; }

    public long? MemoryBudget { get; init; }

    public bool Resume { get; init; }
}
