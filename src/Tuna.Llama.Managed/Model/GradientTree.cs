using System.Numerics;
using System.Runtime.CompilerServices;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Model;

/// <summary>Sums a process's leaves, as they come, in a balanced tree: as a binary counter carries, two sums over equally many leaves
/// become one.</summary>
/// <remarks>
/// Of n leaves at most log2(n) + 1 gradients are held at a time. A leaf without a gradient counts as zeros: adding them turns -0 into 0, as
/// it would between processes.
/// </remarks>
internal sealed unsafe class GradientTree(LlamaParameters parameters, WorkerPool pool) : IDisposable
{
    private readonly List<Level> _levels = [];
    private readonly Stack<NativeBuffer> _spare = [];

    /// <summary>Takes the accumulated gradient as the next leaf; the gradient is zero then.</summary>
    public void EndLeaf()
    {
        NativeBuffer? carry = parameters.GradientIsZero ? null : parameters.ExchangeGradient(Spare());
        for (int k = 0; ; k++)
        {
            if (k == _levels.Count)
                _levels.Add(default);
            if (!_levels[k].Taken)
            {
                _levels[k] = new Level(true, carry);
                return;
            }

            carry = Sum(_levels[k].Values, carry);
            _levels[k] = default;
        }
    }

    /// <summary>Makes the sum of all leaves the accumulated gradient.</summary>
    /// <param name="zeros">Whether zeros are to be written out: others may have more.</param>
    public void Finish(bool zeros)
    {
        int top = _levels.FindIndex(l => l.Taken);
        if (top < 0 || _levels.FindLastIndex(l => l.Taken) != top)
            throw new InvalidOperationException("Leaves are summed when a power of two of them has ended.");
        NativeBuffer? sum = _levels[top].Values;
        _levels[top] = default;
        if (sum is not null)
        {
            _spare.Push(parameters.ExchangeGradient(sum));
            parameters.BeginGradient();
        }
        else if (zeros)
        {
            parameters.AccumulatedGradient();
        }
    }

    /// <summary>Forgets all leaves.</summary>
    public void Clear()
    {
        foreach (Level level in _levels)
        {
            if (level.Values is { } values)
                _spare.Push(values);
        }

        _levels.Clear();
    }

    public void Dispose()
    {
        Clear();
        while (_spare.TryPop(out NativeBuffer? buffer))
            buffer.Dispose();
    }

    private NativeBuffer Spare() => _spare.TryPop(out NativeBuffer? buffer) ? buffer : new NativeBuffer();

    private NativeBuffer? Sum(NativeBuffer? first, NativeBuffer? second)
    {
        if ((first ?? second) is not { } into)
            return null;
        var job = new AddJob { Count = parameters.Count, Into = into.Pointer, Values = first is null || second is null
            ? null : second.Pointer };
        pool.For(AdamW.Blocks(parameters.Count), grain: 1, ref job);
        if (first is not null && second is not null)
            _spare.Push(second);
        return into;
    }

    /// <summary>A sum of 2^k leaves, k its place in the list.</summary>
    /// <param name="Taken">Whether there is one.</param>
    /// <param name="Values">The sum; null for zeros.</param>
    private readonly record struct Level(bool Taken, NativeBuffer? Values);

    private struct AddJob : IRangeJob
    {
        public long Count;
        public float* Into, Values; // no values: zeros

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count;
            long i = (long)from * AdamW.BlockSize, end = Math.Min(Count, (long)to * AdamW.BlockSize);
            if (Values is null)
            {
                for (; i < end; i++)
                    Into[i] += 0f;
                return;
            }

            for (; i + width <= end; i += width)
                (Vector.Load(Into + i) + Vector.Load(Values + i)).Store(Into + i);
            for (; i < end; i++)
                Into[i] += Values[i];
        }
    }
}
