using System.Runtime.InteropServices;
using System.Text;

namespace Tuna.Distributed;

/// <summary>The processes that train together, and what they tell each other.</summary>
/// <remarks>
/// Every member but <see cref="Abort"/> is collective: all processes call the same members in the same order with the same lengths. Used by
/// one thread at a time. A process that fails alone calls <see cref="Abort"/>, or the others wait for it.
/// </remarks>
public interface IProcessGroup : IDisposable
{
    /// <summary>This process, 0 to <see cref="Size"/> - 1.</summary>
    int Rank { get; }

    /// <summary>How many there are; a power of two.</summary>
    int Size { get; }

    /// <summary>Sums over all processes, element by element, in a balanced tree: (r0 + r1) + (r2 + r3), and so on. All receive the same
    /// bits.</summary>
    /// <param name="values">This process's numbers; receives the sums.</param>
    void SumTree(Span<float> values);

    /// <summary>Sums as <see cref="SumTree"/> does, to the same bits, but each process receives its own part only; the rest of its numbers
    /// mean nothing afterwards.</summary>
    /// <param name="values">This process's numbers.</param>
    /// <param name="bounds">Where each part begins, and the length of <paramref name="values"/> at the end, [Size + 1], not decreasing. A
    /// process has the part that <see cref="OwnPart"/> says.</param>
    void ReduceScatterTree(Span<float> values, ReadOnlySpan<int> bounds);

    /// <summary>Gives every process the parts of all others.</summary>
    /// <param name="values">This process's part in its place; receives the others'.</param>
    /// <param name="bounds">As for <see cref="ReduceScatterTree"/>.</param>
    void GatherParts(Span<float> values, ReadOnlySpan<int> bounds);

    /// <summary>Gives every process the numbers of all, in the order of their ranks.</summary>
    /// <param name="mine">This process's, [n].</param>
    /// <param name="all">Receives all, [Size, n].</param>
    void AllGather(ReadOnlySpan<double> mine, Span<double> all);

    /// <summary>Gives every process what one of them has.</summary>
    /// <param name="bytes">Of the same length everywhere; read on the root, written elsewhere.</param>
    /// <param name="root">Whose.</param>
    void Broadcast(Span<byte> bytes, int root = 0);

    /// <summary>Ends all processes at once. Need not return.</summary>
    /// <param name="exitCode">What they return.</param>
    void Abort(int exitCode);

    /// <summary>A group of one process: nothing is sent anywhere.</summary>
    static IProcessGroup Single => SingleProcess.Instance;

    /// <summary>The part of a rank, and also the rank of a part: its bits reversed, since neighbours halve first; reversing twice changes
    /// nothing.</summary>
    /// <param name="rank">0 to <paramref name="size"/> - 1.</param>
    /// <param name="size">Processes, a power of two.</param>
    static int PartOf(int rank, int size)
    {
        int part = 0;
        for (int bit = 1; bit < size; bit *= 2)
            part = (part * 2) + ((rank & bit) != 0 ? 1 : 0);
        return part;
    }

    /// <summary>The part that this process has after <see cref="ReduceScatterTree"/>: its rank with the bits reversed.</summary>
    int OwnPart() => PartOf(Rank, Size);

    /// <summary>One number of every process, by rank.</summary>
    double[] AllGather(double mine)
    {
        var all = new double[Size];
        AllGather([mine], all);
        return all;
    }

    /// <summary>Gives every process one process's bytes, whatever their number.</summary>
    /// <param name="bytes">Read on the root only.</param>
    /// <param name="root">Whose.</param>
    byte[] BroadcastBytes(byte[]? bytes, int root = 0)
    {
        int length = bytes?.Length ?? 0;
        Broadcast(MemoryMarshal.AsBytes(new Span<int>(ref length)), root);
        byte[] result = Rank == root && bytes is not null ? bytes : new byte[length];
        Broadcast(result, root);
        return result;
    }

    /// <summary>Gives every process one process's text.</summary>
    /// <param name="text">Read on the root only.</param>
    /// <param name="root">Whose.</param>
    string BroadcastText(string? text, int root = 0) =>
        Encoding.UTF8.GetString(BroadcastBytes(text is null ? null : Encoding.UTF8.GetBytes(text), root));
}
