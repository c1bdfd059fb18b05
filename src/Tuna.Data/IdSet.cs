using System.Runtime.CompilerServices;

namespace Tuna.Data;

/// <summary>A set of 128-bit hashes in 22 to 43 bytes each.</summary>
/// <remarks>
/// Open addressing in many small tables that grow one by one: no large array is ever copied, and none is left for the garbage collector's
/// rare full collections. Some two of n ids have the same hash with probability n^2 / 2^128. Not thread-safe.
/// </remarks>
internal sealed class IdSet
{
    private const int Tables = 1024;

    private readonly Hash[]?[] _tables = new Hash[Tables][];
    private readonly int[] _counts = new int[Tables];

    private readonly record struct Hash(ulong High, ulong Low);

    /// <summary>Adds a hash.</summary>
    /// <returns>Whether it is new.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool Add(UInt128 hash)
    {
        ulong high = (ulong)(hash >> 64) | 1; // zero marks a free place
        ulong low = (ulong)hash;
        int t = (int)low & (Tables - 1);
        Hash[] table = _tables[t] ??= new Hash[16];
        ref Hash place = ref Find(table, high, low);
        if (place.High != 0)
            return false;
        place = new(high, low);
        if (++_counts[t] > table.Length / 4 * 3)
            _tables[t] = Larger(table);
        return true;
    }

    // Where a hash is, or would be.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static ref Hash Find(Hash[] table, ulong high, ulong low)
    {
        int place = (int)(low >> 10) & (table.Length - 1);
        while (table[place].High != 0 && (table[place].High != high || table[place].Low != low))
            place = (place + 1) & (table.Length - 1);
        return ref table[place];
    }

    private static Hash[] Larger(Hash[] table)
    {
        var larger = new Hash[table.Length * 2];
        foreach (Hash hash in table)
        {
            if (hash.High != 0)
                Find(larger, hash.High, hash.Low) = hash;
        }

        return larger;
    }
}
