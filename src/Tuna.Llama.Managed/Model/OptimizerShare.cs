using System.Runtime.InteropServices;
using Tuna.Distributed;
using Tuna.Llama.Managed.Kernels;

namespace Tuna.Llama.Managed.Model;

/// <summary>Consecutive parameters whose optimizer state a process keeps.</summary>
/// <param name="Start">First of them among all parameters; a multiple of <see cref="AdamW.BlockSize"/>, so that a step and a norm have the
/// bits that they have over all.</param>
/// <param name="Length">How many.</param>
/// <param name="Place">Where their moments begin among those that the process keeps.</param>
internal readonly record struct OwnPiece(long Start, long Length, long Place);

/// <summary>Whose parameters are whose: all are everyone's, or each process keeps the optimizer's state of a share (ZeRO stage 1, arXiv
/// 1910.02054).</summary>
internal sealed unsafe class OptimizerShare
{
    // Floats of a chunk: what one collective call takes at most. A multiple of the block.
    private const int LargestChunk = 1 << 27;

    private readonly List<(long Start, int Length, int[] Bounds)> _chunks = [];
    private readonly OwnPiece[] _own;

    /// <param name="group">The processes.</param>
    /// <param name="count">Number of parameters.</param>
    /// <param name="sharded">Whether each keeps a share only.</param>
    /// <param name="largestChunk">Most floats of a collective call, a multiple of the block; for tests.</param>
    public OptimizerShare(IProcessGroup group, long count, bool sharded, int largestChunk = LargestChunk)
    {
        Group = group;
        IsSharded = sharded && group.Size > 1;
        for (long start = 0; start < count; start += largestChunk)
        {
            int length = (int)Math.Min(largestChunk, count - start), blocks = AdamW.Blocks(length);
            var bounds = new int[group.Size + 1];
            for (int p = 1; p <= group.Size; p++)
                bounds[p] = (int)Math.Min(length, (long)blocks * p / group.Size * AdamW.BlockSize);
            _chunks.Add((start, length, bounds));
        }

        _own = IsSharded ? [.. PiecesOf(group.Rank)] : [new OwnPiece(0, count, 0)];
        Length = _own.Sum(p => p.Length);
    }

    public IProcessGroup Group { get; }

    public bool IsSharded { get; }

    /// <summary>Parameters whose moments this process keeps.</summary>
    public long Length { get; }

    public ReadOnlySpan<OwnPiece> Own => _own;

    /// <summary>Sums gradients over all processes: all of them, or this process's share.</summary>
    public void Sum(float* gradient)
    {
        foreach ((long start, int length, int[] bounds) in _chunks)
        {
            var values = new Span<float>(gradient + start, length);
            if (IsSharded)
                Group.ReduceScatterTree(values, bounds);
            else
                Group.SumTree(values);
        }
    }

    /// <summary>Gives every process the weights that the others have moved.</summary>
    public void GatherWeights(float* weights)
    {
        if (!IsSharded)
            return;
        foreach ((long start, int length, int[] bounds) in _chunks)
            Group.GatherParts(new Span<float>(weights + start, length), bounds);
    }

    /// <summary>Puts the numbers of everyone's blocks, of which this process has computed its own, in the blocks' order.</summary>
    /// <param name="blocks">A number for each block of <see cref="AdamW.BlockSize"/>.</param>
    public void GatherBlocks(Span<double> blocks)
    {
        if (!IsSharded)
            return;
        foreach ((long start, _, int[] bounds) in _chunks)
        {
            int first = (int)(start / AdamW.BlockSize), most = 0;
            for (int p = 0; p < Group.Size; p++)
                most = Math.Max(most, AdamW.Blocks(bounds[p + 1] - bounds[p]));
            double[] mine = new double[most], all = new double[most * Group.Size];
            Blocks(blocks, Group.OwnPart()).CopyTo(mine);
            Group.AllGather(mine, all);
            for (int p = 0; p < Group.Size; p++)
            {
                Span<double> part = Blocks(blocks, p);
                all.AsSpan(IProcessGroup.PartOf(p, Group.Size) * most, part.Length).CopyTo(part);
            }

            Span<double> Blocks(Span<double> of, int part) =>
                of.Slice(first + (bounds[part] / AdamW.BlockSize), AdamW.Blocks(bounds[part + 1] - bounds[part]));
        }
    }

    /// <summary>The largest of everyone's numbers.</summary>
    public double Largest(double mine) => IsSharded ? Group.AllGather(mine).Max() : mine;

    /// <summary>Brings together the moments of some parameters. Collective.</summary>
    /// <param name="moments">Those that this process keeps.</param>
    /// <param name="start">The first of the parameters.</param>
    /// <param name="values">Receives their moments.</param>
    public void Collect(float* moments, long start, Span<float> values)
    {
        for (int rank = 0; rank < Group.Size; rank++)
        {
            foreach (OwnPiece piece in PiecesOf(rank))
            {
                long from = Math.Max(start, piece.Start), to = Math.Min(start + values.Length, piece.Start + piece.Length);
                if (from >= to)
                    continue;
                Span<float> part = values.Slice((int)(from - start), (int)(to - from));
                if (rank == Group.Rank)
                    new Span<float>(moments + piece.Place + from - piece.Start, part.Length).CopyTo(part);
                Group.Broadcast(MemoryMarshal.AsBytes(part), rank);
            }
        }
    }

    /// <summary>Takes this process's share of the moments of some parameters.</summary>
    public void Take(float* moments, long start, ReadOnlySpan<float> values)
    {
        foreach (OwnPiece piece in _own)
        {
            long from = Math.Max(start, piece.Start), to = Math.Min(start + values.Length, piece.Start + piece.Length);
            if (from < to)
                values.Slice((int)(from - start), (int)(to - from))
                    .CopyTo(new Span<float>(moments + piece.Place + from - piece.Start, (int)(to - from)));
        }
    }

    private IEnumerable<OwnPiece> PiecesOf(int rank)
    {
        int part = IProcessGroup.PartOf(rank, Group.Size);
        long place = 0;
        foreach ((long start, _, int[] bounds) in _chunks)
        {
            int length = bounds[part + 1] - bounds[part];
            if (length > 0)
                yield return new OwnPiece(start + bounds[part], length, place);
            place += length;
        }
    }
}
