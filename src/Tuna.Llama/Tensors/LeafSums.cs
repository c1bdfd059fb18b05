using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>Sums one weight's leaves, as they come, in a balanced tree, as the embedded engine does: two sums over equally many leaves
/// become one.</summary>
internal sealed class LeafSums : IDisposable
{
    private readonly List<(bool Taken, Tensor? Values)> _levels = [];

    /// <summary>Takes a leaf's gradient over; null for zeros.</summary>
    public void Add(Tensor? gradient)
    {
        using IDisposable mode = no_grad();
        Tensor? carry = gradient;
        for (int k = 0; ; k++)
        {
            if (k == _levels.Count)
                _levels.Add(default);
            if (!_levels[k].Taken)
            {
                _levels[k] = (true, carry);
                return;
            }

            carry = Sum(_levels[k].Values, carry);
            _levels[k] = default;
        }
    }

    /// <summary>Gives the sum of all leaves away; null for zeros.</summary>
    public Tensor? Take()
    {
        int top = _levels.FindIndex(l => l.Taken);
        if (top < 0 || _levels.FindLastIndex(l => l.Taken) != top)
            throw new InvalidOperationException("Leaves are summed when a power of two of them has ended.");
        Tensor? sum = _levels[top].Values;
        _levels.Clear();
        return sum;
    }

    public void Dispose()
    {
        foreach ((_, Tensor? values) in _levels)
            values?.Dispose();
        _levels.Clear();
    }

    private static Tensor? Sum(Tensor? first, Tensor? second)
    {
        if (first is null || second is null)
            return (first ?? second)?.add_(0f); // -0 becomes 0, as between processes
        first.add_(second);
        second.Dispose();
        return first;
    }
}
