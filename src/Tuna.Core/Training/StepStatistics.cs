using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>Running sums over a step's micro-batches. They go into a checkpoint, so that a step may be resumed halfway.</summary>
internal sealed record StepStatistics
{
    /// <summary>Sum of the micro-batches' losses, each weighted by its share of the step's groups.</summary>
    public double Loss { get; set; }

    public int Groups { get; set; }

    public int Responses { get; set; }

    public int Active { get; set; }

    public long Tokens { get; set; }

    public double MarginSum { get; set; }

    public long Pairs { get; set; }

    public long OrderedPairs { get; set; }

    /// <summary>Counts a micro-batch.</summary>
    /// <param name="groups">Its groups.</param>
    /// <param name="batch">What the model said.</param>
    /// <param name="gradient">What the loss said, dL/d(number), [R].</param>
    /// <param name="perToken">Whether candidates are compared by their numbers per token, as log-probabilities are, or as they are, as
    /// rewards are.</param>
    public void Count(IReadOnlyList<TokenGroup> groups, in RankingBatch batch, ReadOnlySpan<double> gradient, bool perToken)
    {
        Groups += batch.GroupCount;
        Responses += batch.ResponseCount;
        foreach (double g in gradient)
            Active += g != 0 ? 1 : 0;
        foreach (TokenGroup group in groups)
            Tokens += group.TokenCount;
        AddPairs(batch, perToken);
    }

    /// <summary>Counts the pairs of candidates with different scores and how far the model tells them apart.</summary>
    private void AddPairs(in RankingBatch batch, bool perToken)
    {
        for (int b = 0; b < batch.GroupCount; b++)
        {
            int first = batch.Offsets[b], end = first + batch.CandidateCounts[b];
            for (int j = first; j < end; j++)
            {
                double better = Value(batch, j);
                for (int k = j + 1; k < end; k++)
                {
                    if (batch.Scores[j] == batch.Scores[k])
                        continue;
                    double difference = better - Value(batch, k);
                    MarginSum += difference;
                    Pairs++;
                    OrderedPairs += difference > 0 ? 1 : 0;
                }
            }
        }

        double Value(in RankingBatch b, int r) => perToken ? b.Values[r] / b.Lengths[r] : b.Values[r];
    }

    public TrainingStep ToStep(long step, int epoch, double learningRate, double gradientNorm, string? skipped) => new()
    {
        Step = step,
        Epoch = epoch,
        Loss = skipped is null ? Loss : double.NaN,
        LearningRate = learningRate,
        GradientNorm = skipped is null ? gradientNorm : double.NaN,
        ActiveFraction = Responses == 0 ? 0 : (double)Active / Responses,
        Margin = Pairs == 0 || !double.IsFinite(MarginSum) ? null : MarginSum / Pairs,
        PairAccuracy = Pairs == 0 || !double.IsFinite(MarginSum) ? null : (double)OrderedPairs / Pairs,
        Groups = Groups,
        Responses = Responses,
        Tokens = Tokens,
        Skipped = skipped,
    };
}
