using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

public class TrainerOptionsTests
{
    [Fact]
    public void Validate_Defaults_Pass() => new TrainerOptions().Validate();

    public static TheoryData<string, TrainerOptions> Bad => new()
    {
        { "Epochs", new() { Epochs = 0 } },
        { "GroupsPerMicroBatch", new() { GroupsPerMicroBatch = 0 } },
        { "MicroBatchesPerStep", new() { MicroBatchesPerStep = 0 } },
        { "MicroBatchesPerStep", new() { MicroBatchesPerStep = int.MaxValue, GroupsPerMicroBatch = 2 } },
        { "LearningRate", new() { LearningRate = 0 } },
        { "LearningRate", new() { LearningRate = double.NaN } },
        { "MaxGradientNorm", new() { MaxGradientNorm = 0 } },
        { "MaxGradientNorm", new() { MaxGradientNorm = double.NaN } },
        { "MaxSkippedSteps", new() { MaxSkippedSteps = -1 } },
        { "EvaluateEverySteps", new() { EvaluateEverySteps = -1 } },
        { "CheckpointEverySteps", new() { CheckpointEverySteps = -1 } },
        { "CheckpointEveryMicroBatches", new() { CheckpointEveryMicroBatches = -1 } },
        { "KeepCheckpoints", new() { KeepCheckpoints = 0 } },
        { "PassMode", new() { PassMode = (PassMode)7 } },
        { "OnNonFinite", new() { OnNonFinite = (NonFiniteAction)7 } },
        { "WarmupRatio", new() { Schedule = new LinearSchedule { WarmupRatio = 1.5 } } },
        { "WarmupSteps", new() { Schedule = new LinearSchedule { WarmupSteps = -1 } } },
        { "MinimumFactor", new() { Schedule = new LinearSchedule { MinimumFactor = double.NaN } } },
        { "Beta1", new() { Optimizer = new AdamWSettings { Beta1 = 1 } } },
        { "Beta2", new() { Optimizer = new AdamWSettings { Beta2 = -0.1 } } },
        { "Epsilon", new() { Optimizer = new AdamWSettings { Epsilon = 0 } } },
        { "WeightDecay", new() { Optimizer = new AdamWSettings { WeightDecay = -1 } } },
        { "RunFolder", new() { RunFolder = "" } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Validate_OutOfRange_NamesTheOption(string name, TrainerOptions options) =>
        Assert.Contains(name, Assert.ThrowsAny<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);
}
