using Tuna.Losses;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

/// <summary>Small random data sets and a few objectives with known behaviour.</summary>
internal static class TrainingFixtures
{
    public static TokenGroup[] Groups(int count, ulong seed = 5, int vocabulary = 8)
    {
        var rng = new Rng(seed);
        ReadOnlyMemory<int> Tokens() => Enumerable.Range(0, 1 + rng.Next(4)).Select(_ => rng.Next(vocabulary)).ToArray();
        return Enumerable.Range(0, count).Select(i =>
        {
            int k = 1 + rng.Next(4);
            double[] scores = Enumerable.Range(0, k).Select(j => (double)(-j / 2)).ToArray(); // ties in pairs
            return new TokenGroup($"g{i}", Tokens(), Enumerable.Range(0, k).Select(_ => Tokens()).ToArray(), scores, i % 3 == 0
                ? (ReadOnlyMemory<int>?)null : Tokens());
        }).ToArray();
    }

    public static TrainerOptions Options { get; } = new()
    {
        LearningRate = 0.05,
        Schedule = LearningRateSchedule.Constant,
        Epochs = 2,
        GroupsPerMicroBatch = 2,
        MicroBatchesPerStep = 3,
        Seed = 3,
        CheckpointEverySteps = 1,
        Optimizer = new AdamWSettings { WeightDecay = 0.01 },
    };
}

/// <summary>Mean over groups of hinges over neighbours plus the negative log-likelihood of the last response.</summary>
internal sealed class HingeLoss(double margin = 0.3, double likelihood = 0.5) : IRankingLoss
{
    public LossNeeds Needs => LossNeeds.Nothing;

    public LossDescription Describe() => new(nameof(HingeLoss), ("Margin", margin), ("Likelihood", likelihood));

    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        gradient.Clear();
        double loss = 0;
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b], last = batch.Offsets[b + 1] - 1;
            for (int k = first + 1; k < first + batch.CandidateCounts[b]; k++)
            {
                double hinge = (batch.Values[k] / batch.Lengths[k]) - (batch.Values[k - 1] / batch.Lengths[k - 1]) + margin;
                if (hinge <= 0)
                    continue;
                loss += hinge / batch.GroupCount;
                gradient[k] += 1.0 / batch.Lengths[k] / batch.GroupCount;
                gradient[k - 1] -= 1.0 / batch.Lengths[k - 1] / batch.GroupCount;
            }
            if (likelihood == 0 || !batch.HasReference(b))
                continue;
            loss -= likelihood * batch.Values[last] / batch.Lengths[last] / batch.GroupCount;
            gradient[last] -= likelihood / batch.Lengths[last] / batch.GroupCount;
        }
        return loss;
    }
}

/// <summary>Half the squared distance of each log-probability from twice the reference policy's: needs the reference and shows which values
/// it got.</summary>
internal sealed class ReferenceLoss : IRankingLoss
{
    public LossNeeds Needs { get; } = new() { ReferencePolicy = true };

    public LossDescription Describe() => new(nameof(ReferenceLoss));

    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        double loss = 0;
        for (int r = 0; r < batch.ResponseCount; r++)
        {
            double d = batch.Values[r] - (2 * batch.ReferencePolicyLogProbs[r]);
            loss += d * d / 2 / batch.GroupCount;
            gradient[r] = d / batch.GroupCount;
        }
        return loss;
    }
}

/// <summary>Another loss, spoilt on chosen calls.</summary>
internal sealed class SpoiltLoss(IRankingLoss inner, Func<int, bool> spoil, double with = double.NaN, bool spoilGradientOnly = false)
    : IRankingLoss
{
    private int _calls;

    public LossNeeds Needs => inner.Needs;

    public LossDescription Describe() => inner.Describe();

    public double Evaluate(in RankingBatch batch, Span<double> gradient)
    {
        double loss = inner.Evaluate(batch, gradient);
        if (!spoil(_calls++))
            return loss;
        if (spoilGradientOnly)
            gradient[0] = with;
        return spoilGradientOnly ? loss : with;
    }
}
