using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Model;

/// <summary>A buffer of rows of one width, as many as the batch has.</summary>
internal sealed unsafe class RowBuffer(int width) : IDisposable
{
    private readonly NativeBuffer _buffer = new();

    public float* Pointer => _buffer.Pointer;

    /// <summary>The first <paramref name="rows"/> rows. When the buffer has to grow, its contents are lost.</summary>
    public Matrix Rows(int rows) => new(_buffer.Ensure((long)rows * width), rows, width);

    /// <summary>As the other, but narrower rows in the same memory.</summary>
    public Matrix Rows(int rows, int columns) => new(Rows(rows).Data, rows, columns);

    /// <summary>Keeps the rows <paramref name="kept"/>, increasing, and moves them to the front.</summary>
    public void Compact(ReadOnlySpan<int> kept) => Compact(Pointer, width, kept);

    /// <summary>The same for rows of any memory.</summary>
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

    /// <summary>The reverse of <see cref="Compact(float*, int, ReadOnlySpan{int})"/>: row i moves to <paramref name="places"/>[i], increasing, and every other row becomes zero.</summary>
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

    public void Dispose() => _buffer.Dispose();
}
