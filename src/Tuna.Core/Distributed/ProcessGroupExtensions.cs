using System.Runtime.InteropServices;
using System.Text;

namespace Tuna.Distributed;

/// <summary>What follows from a group's members.</summary>
public static class ProcessGroupExtensions
{
    /// <summary>The part that this process has after <see cref="IProcessGroup.ReduceScatterTree"/>: its rank with the bits reversed, since
    /// neighbours halve first.</summary>
    public static int OwnPart(this IProcessGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        return PartOf(group.Rank, group.Size);
    }

    /// <summary>The part of a rank, and also the rank of a part: reversing twice changes nothing.</summary>
    /// <param name="rank">0 to <paramref name="size"/> - 1.</param>
    /// <param name="size">Processes, a power of two.</param>
    public static int PartOf(int rank, int size)
    {
        int part = 0;
        for (int bit = 1; bit < size; bit *= 2)
            part = (part * 2) + ((rank & bit) != 0 ? 1 : 0);
        return part;
    }

    /// <summary>Gives every process one process's bytes, whatever their number.</summary>
    /// <param name="group">The group.</param>
    /// <param name="bytes">Read on the root only.</param>
    /// <param name="root">Whose.</param>
    public static byte[] BroadcastBytes(this IProcessGroup group, byte[]? bytes, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(group);
        int length = bytes?.Length ?? 0;
        group.Broadcast(MemoryMarshal.AsBytes(new Span<int>(ref length)), root);
        byte[] result = group.Rank == root && bytes is not null ? bytes : new byte[length];
        group.Broadcast(result, root);
        return result;
    }

    /// <summary>Gives every process one process's text.</summary>
    /// <inheritdoc cref="BroadcastBytes"/>
    public static string BroadcastText(this IProcessGroup group, string? bytes, int root = 0) =>
        Encoding.UTF8.GetString(group.BroadcastBytes(bytes is null ? null : Encoding.UTF8.GetBytes(bytes), root));

    /// <summary>One number of every process, by rank.</summary>
    public static double[] AllGather(this IProcessGroup group, double mine)
    {
        ArgumentNullException.ThrowIfNull(group);
        var all = new double[group.Size];
        group.AllGather([mine], all);
        return all;
    }
}
