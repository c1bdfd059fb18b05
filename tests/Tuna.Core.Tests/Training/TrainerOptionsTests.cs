using System.Reflection;
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
        { "MicroBatchTokens", new() { MicroBatchTokens = -1 } },
        { "GradientLeaves", new() { GradientLeaves = 0 } },
        { "GradientLeaves", new() { GradientLeaves = 3 } },
        { "GradientLeaves", new() { GradientLeaves = 2048 } },
        { "CheckpointEveryMicroBatches", new() { GradientLeaves = 2, CheckpointEveryMicroBatches = 1 } },
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
        { "WarmupRatio", new() { Schedule = LearningRateSchedule.Linear with { WarmupRatio = 1.5 } } },
        { "WarmupSteps", new() { Schedule = LearningRateSchedule.Linear with { WarmupSteps = -1 } } },
        { "MinimumFactor", new() { Schedule = LearningRateSchedule.Linear with { MinimumFactor = double.NaN } } },
        { "Beta1", new() { Optimizer = new AdamWSettings { Beta1 = 1 } } },
        { "Beta2", new() { Optimizer = new AdamWSettings { Beta2 = -0.1 } } },
        { "Epsilon", new() { Optimizer = new AdamWSettings { Epsilon = 0 } } },
        { "Epsilon", new() { Optimizer = new AdamWSettings { Epsilon = 1e-50 } } }, // 0 where the engines compute
        { "WeightDecay", new() { Optimizer = new AdamWSettings { WeightDecay = -1 } } },
        { "RunFolder", new() { RunFolder = "" } },
        { "WatchedMetric", new() { WatchedMetric = "" } },
        { "Patience", new() { WatchedMetric = "loss", Patience = -1 } },
        { "Patience", new() { Patience = 1 } },
        { "MinimumImprovement", new() { MinimumImprovement = -1 } },
        { "MinimumImprovement", new() { MinimumImprovement = double.NaN } },
        { "EndWithBest", new() { EndWithBest = true, RunFolder = "run" } },
        { "EndWithBest", new() { EndWithBest = true, WatchedMetric = "loss" } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void Validate_OutOfRange_NamesTheOption(string name, TrainerOptions options) =>
        Assert.Contains(name, Assert.ThrowsAny<ArgumentException>(options.Validate).Message, StringComparison.Ordinal);

    /// <summary>What may change from one process to the next: where the run is kept, how often, and whether to go on.</summary>
    private static readonly HashSet<string> MayChange =
    [
        nameof(TrainerOptions.RunFolder), nameof(TrainerOptions.Resume), nameof(TrainerOptions.CheckpointEverySteps),
            nameof(TrainerOptions.CheckpointEveryMicroBatches),
        nameof(TrainerOptions.KeepCheckpoints), nameof(TrainerOptions.CheckpointOnCancellation), nameof(TrainerOptions.AsyncCheckpoints),
        nameof(TrainerOptions.ShardOptimizer),
    ];

    [Fact]
    public void Fingerprint_EveryOption_ChangesItUnlessItMayChange()
    {
        var options = new TrainerOptions();
        string before = Text(options);
        foreach (PropertyInfo property in typeof(TrainerOptions).GetProperties())
        {
            TrainerOptions other = options with { };
            foreach (object? value in Others(property.GetValue(options), property.PropertyType))
            {
                property.SetValue(other, value);
                Assert.True(Text(other) == before == MayChange.Contains(property.Name),
                    $"{property.Name} = {value}: an option decides the course of a run, and is in the fingerprint, or may change, and is "
                    + $"in this test's list");
            }
        }
    }

    [Fact]
    public void Fingerprint_EverySchedule_IsOfItsOwn()
    {
        LearningRateSchedule[] schedules = [LearningRateSchedule.Constant, LearningRateSchedule.Linear, LearningRateSchedule.Cosine];
        Assert.Equal(3, schedules.Select(s => Text(new() { Schedule = s })).Distinct().Count());
    }

    private static string Text(TrainerOptions options) => string.Join('\n', options.Fingerprint().Select(o => $"{o.Key}={o.Value}"));

    /// <summary>Values other than the one given; of a record, copies that differ in one property each.</summary>
    private static IEnumerable<object?> Others(object? value, Type type)
    {
        switch (value)
        {
            case int i:
                yield return i + 1;
                break;
            case long l:
                yield return l + 1;
                break;
            case ulong u:
                yield return u + 1;
                break;
            case double d:
                yield return d + 0.125;
                break;
            case bool b:
                yield return !b;
                break;
            case Enum e:
                yield return Enum.GetValues(type).Cast<object>().First(x => !x.Equals(e));
                break;
            case null when type == typeof(string):
                yield return "another";
                break;
            case LearningRateSchedule or AdamWSettings:
                foreach (PropertyInfo property in value.GetType().GetProperties().Where(p => p.CanWrite))
                {
                    foreach (object? inner in Others(property.GetValue(value), property.PropertyType))
                    {
                        object copy = value is LearningRateSchedule s ? s with { } : (AdamWSettings)value with { };
                        property.SetValue(copy, inner);
                        yield return copy;
                    }
                }

                break;
            default:
                throw new NotSupportedException($"Say here what another value of a {type.Name} is.");
        }
    }
}
