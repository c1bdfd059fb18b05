using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>Measures the model on <see cref="HeldOutRows"/>: forward alone, in passes of a fixed size, so that equal weights give equal
/// bits.</summary>
internal sealed class HeldOutMeasure(ITrainableScorer model, IRankingLoss loss, HeldOutRows rows)
{
    private readonly MicroBatch _batch = new();
    private readonly bool _isPolicy = model is IPolicyModel; // log-probabilities grow with the length, rewards do not

    /// <summary>Adds what the model is worth now, under the names of <see cref="HeldOutRows"/>.</summary>
    public void AddTo(SortedDictionary<string, double> values, CancellationToken cancellationToken)
    {
        var sums = new StepStatistics();
        double nll = 0;
        long tokens = 0;
        int[] indices = [.. Enumerable.Range(0, rows.Groups.Count)];
        for (int first = 0; first < indices.Length; first += rows.GroupsPerPass)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _batch.Fill(rows.Groups, indices.AsSpan(first, Math.Min(rows.GroupsPerPass, indices.Length - first)), rows.Reference);
            double[] scored = new double[_batch.ResponseCount];
            model.Score(_batch.Groups, scored, cancellationToken);
            RankingBatch view = _batch.View(scored);
            sums.Loss += loss.Evaluate(view, _batch.Gradient) * _batch.Groups.Count / indices.Length;
            sums.Count(_batch.Groups, view, _batch.Gradient, _isPolicy);
            for (int b = 0; b < view.GroupCount; b++)
            {
                int answer = view.Offsets[b] + (view.HasReference(b) ? view.CandidateCounts[b] : 0);
                nll -= scored[answer];
                tokens += view.Lengths[answer];
            }
        }

        Add(HeldOutRows.Loss, sums.Loss);
        if (sums.Pairs > 0)
        {
            Add(HeldOutRows.PairAccuracy, (double)sums.OrderedPairs / sums.Pairs);
            Add(HeldOutRows.Margin, sums.MarginSum / sums.Pairs);
        }
        if (_isPolicy)
            Add(HeldOutRows.Nll, nll / tokens);

        void Add(string name, double value)
        {
            if (!values.TryAdd(name, value))
                throw new InvalidOperationException($"The evaluation gives '{name}', as the held-out rows do; give it another name.");
        }
    }
}
