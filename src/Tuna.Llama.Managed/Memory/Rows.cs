namespace Tuna.Llama.Managed.Memory;

/// <summary>Moves whole rows of a matrix.</summary>
internal static unsafe class Rows
{
    /// <summary>Keeps the rows <paramref name="kept"/>, increasing, and moves them to the front.</summary>
    /// <param name="data">The first row.</param>
    /// <param name="width">Floats of a row, and from one to the next.</param>
    /// <param name="kept">Numbers of the rows that are left.</param>
    public static void Compact(float* data, int width, ReadOnlySpan<int> kept)
    {
        for (int i = 0; i < kept.Length;)
        {
            int run = 1;
            while (i + run < kept.Length && kept[i + run] == kept[i] + run)
                run++;
            if (kept[i] != i)
            {
                long bytes = (long)run * width * sizeof(float);
                Buffer.MemoryCopy(data + ((long)kept[i] * width), data + ((long)i * width), bytes, bytes);
            }

            i += run;
        }
    }

    /// <summary>The reverse of <see cref="Compact"/>: row i moves to <paramref name="places"/>[i], increasing, and every other row becomes
    /// zero.</summary>
    public static void Spread(in Matrix matrix, ReadOnlySpan<int> places)
    {
        // From the last row on, so that none is overwritten before it has moved.
        for (int t = matrix.Rows - 1, i = places.Length - 1; t >= 0; t--)
        {
            if (i < 0 || places[i] != t)
                matrix.RowSpan(t).Clear();
            else if (i-- != t)
                matrix.RowSpan(i + 1).CopyTo(matrix.RowSpan(t));
        }
    }

    /// <summary>Copies all rows of a matrix without gaps to another of the same shape.</summary>
    public static void Copy(in Matrix from, in Matrix to)
    {
        long bytes = (long)from.Rows * from.Columns * sizeof(float);
        Buffer.MemoryCopy(from.Data, to.Data, bytes, bytes);
    }
}
