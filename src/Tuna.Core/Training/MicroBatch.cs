using Tuna.Losses;
using Tuna.Policies;

namespace Tuna.Training;

/// <summary>A micro-batch's numbers in the flat layout that losses see. Its buffers are reused from one micro-batch to the next.</summary>
internal sealed class MicroBatch
{
    private readonly List<TokenGroup> _groups = [];
    private int[] _offsets = [0];
    private int[] _candidateCounts = [];
    private int[] _lengths = [];
    private double[] _scores = [];
    private double[] _referenceLogProbs = [];
    private double[] _gradient = [];
    private double[] _oldLogProbs = [];
    private bool _hasReferencePolicy;
    private bool _hasOldPolicy;

    public IReadOnlyList<TokenGroup> Groups => _groups;

    /// <summary>Responses in all, R.</summary>
    public int ResponseCount { get; private set; }

    /// <summary>dL/d(number) of each response, [R].</summary>
    public Span<double> Gradient => _gradient.AsSpan(0, ResponseCount);

    /// <summary>Takes the groups of a micro-batch.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="indices">Which groups of it.</param>
    /// <param name="reference">Log-probabilities under the reference policy, when the loss needs them.</param>
    public void Fill(IReadOnlyList<TokenGroup> data, ReadOnlySpan<int> indices, ReferenceLogProbs? reference)
    {
        _groups.Clear();
        ResponseCount = 0;
        foreach (int i in indices)
        {
            _groups.Add(data[i]);
            ResponseCount += data[i].Responses.Count;
        }
        _hasReferencePolicy = reference is not null;
        _hasOldPolicy = _groups.TrueForAll(group => group.CandidateCount == group.OldPolicyLogProbs.Length);
        Grow();
        int row = 0;
        for (int b = 0; b < indices.Length; b++)
        {
            TokenGroup group = _groups[b];
            _candidateCounts[b] = group.CandidateCount;
            group.Scores.Span.CopyTo(_scores.AsSpan(row));
            if (group.HasReference)
                _scores[row + group.CandidateCount] = double.NaN;
            group.OldPolicyLogProbs.Span.CopyTo(_oldLogProbs.AsSpan(row));
            if (group.HasReference)
                _oldLogProbs[row + group.CandidateCount] = double.NaN;
            reference?[indices[b]].CopyTo(_referenceLogProbs.AsSpan(row));
            foreach (ReadOnlyMemory<int> response in group.Responses)
                _lengths[row++] = response.Length;
            _offsets[b + 1] = row;
        }
    }

    /// <summary>The batch as a loss sees it.</summary>
    /// <param name="values">The model's number of each response, [R].</param>
    public RankingBatch View(ReadOnlySpan<double> values) => new()
    {
        Offsets = _offsets.AsSpan(0, _groups.Count + 1),
        CandidateCounts = _candidateCounts.AsSpan(0, _groups.Count),
        Values = values,
        Lengths = _lengths.AsSpan(0, ResponseCount),
        Scores = _scores.AsSpan(0, ResponseCount),
        ReferencePolicyLogProbs = _hasReferencePolicy ? _referenceLogProbs.AsSpan(0, ResponseCount) : default,
        OldPolicyLogProbs = _hasOldPolicy ? _oldLogProbs.AsSpan(0, ResponseCount) : default,
    };

    /// <summary>Ids of the groups with a response for which a value is not finite; all groups when there is none.</summary>
    public IReadOnlyList<string> NonFiniteGroups(ReadOnlySpan<double> values)
    {
        var ids = new List<string>();
        for (int b = 0; b < _groups.Count; b++)
        {
            for (int r = _offsets[b]; r < _offsets[b + 1]; r++)
            {
                if (!double.IsFinite(values[r]) || !double.IsFinite(_gradient[r]))
                {
                    ids.Add(_groups[b].Id);
                    break;
                }
            }
        }
        return ids.Count > 0 ? ids : _groups.ConvertAll(g => g.Id);
    }

    private void Grow()
    {
        if (_candidateCounts.Length < _groups.Count)
        {
            Array.Resize(ref _candidateCounts, _groups.Count);
            Array.Resize(ref _offsets, _groups.Count + 1);
        }
        if (_lengths.Length < ResponseCount)
        {
            Array.Resize(ref _lengths, ResponseCount);
            Array.Resize(ref _scores, ResponseCount);
            Array.Resize(ref _referenceLogProbs, ResponseCount);
            Array.Resize(ref _oldLogProbs, ResponseCount);
            Array.Resize(ref _gradient, ResponseCount);
        }
    }
}
