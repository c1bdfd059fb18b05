using Tuna.Numerics;

namespace Tuna.Rankers.Aggregation;

/// <summary>Orders in which each candidate stands at each place once.</summary>
internal static class LatinSquare
{
    /// <summary>The K orders of Williams' square (1949), the identity first.</summary>
    /// <remarks>For an even K each candidate also follows each other one exactly once, so that effects of the neighbour cancel
    /// too.</remarks>
    /// <param name="count">K, at least 1.</param>
    /// <param name="seed">Which of the squares: the labels are permuted with it, except in the first order. 0 gives the standard
    /// one.</param>
    /// <returns>[K][K]: which candidate stands at each place.</returns>
    public static int[][] Orders(int count, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        // First row 0, 1, K-1, 2, K-2, ...; row r adds r modulo K.
        int[] first = [.. Enumerable.Range(0, count).Select(i => i == 0 ? 0 : i % 2 == 1 ? (i + 1) / 2 : count - (i / 2))];
        // Relabelled so that the first row is the identity: the first judgment is then the one of the plain mode, and shares its journal
        // line.
        var label = new int[count];
        for (int place = 0; place < count; place++)
            label[first[place]] = place;
        int[][] orders = [.. Enumerable.Range(0, count).Select(r => Array.ConvertAll(first, f => label[(f + r) % count]))];
        if (seed != 0)
            new Rng(seed).Shuffle<int[]>(orders.AsSpan(1)); // which orders come early matters when a run stops early
        return orders;
    }
}
