using System.Numerics;
using System.Runtime.CompilerServices;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>Rotary position embedding (Su et al., arXiv 2104.09864) in the layout of the Hugging Face checkpoints: element i turns with
/// element i + d/2.</summary>
/// <remarks>The table holds cos and sin of position * frequency, computed in double precision; it grows with the longest sequence
/// seen.</remarks>
internal sealed unsafe class Rope : IDisposable
{
    private readonly NativeBuffer _table = new();
    private readonly double[] _frequencies;
    private readonly double _factor;
    private int _positions;

    /// <param name="frequencies">Radians per position of each pair of elements, [d / 2].</param>
    /// <param name="factor">What cosines and sines are multiplied with.</param>
    public Rope(ReadOnlySpan<double> frequencies, double factor) => (_frequencies, _factor) = (frequencies.ToArray(), factor);

    /// <summary>Makes the table long enough for <paramref name="positions"/> positions.</summary>
    public void Ensure(int positions)
    {
        if (positions <= _positions)
            return;
        positions = Math.Max(positions, 2 * _positions); // so that ever longer batches do not rebuild it each time
        int half = _frequencies.Length;
        float* table = _table.Ensure((long)positions * 2 * half);
        for (int p = 0; p < positions; p++)
        {
            float* row = table + ((long)p * 2 * half);
            for (int i = 0; i < half; i++)
            {
                (double sin, double cos) = Math.SinCos(p * _frequencies[i]);
                row[i] = (float)(cos * _factor);
                row[half + i] = (float)(sin * _factor);
            }
        }

        _positions = positions;
    }

    /// <summary>Turns every head of every row by its position, in place.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="x">Rows of consecutive heads, [T, heads * d].</param>
    /// <param name="positions">Position of each row, [T]; below the count given to <see cref="Ensure"/>.</param>
    public void Forward(WorkerPool pool, in Matrix x, ReadOnlySpan<int> positions) => Turn(pool, x, positions, 1);

    /// <summary>The transpose, for a gradient, in place: turns back.</summary>
    public void Backward(WorkerPool pool, in Matrix dx, ReadOnlySpan<int> positions) => Turn(pool, dx, positions, -1);

    public void Dispose() => _table.Dispose();

    private void Turn(WorkerPool pool, in Matrix x, ReadOnlySpan<int> positions, float direction)
    {
        int d = 2 * _frequencies.Length;
        if (positions.Length != x.Rows || x.Columns % d != 0)
            throw new ArgumentException($"[{x.Rows}, {x.Columns}] does not hold {positions.Length} rows of heads of width {d}.", nameof(x));
        fixed (int* p = positions)
        {
            var job = new Job { X = x, Positions = p, Table = _table.Pointer, Half = _frequencies.Length, Direction = direction };
            pool.For(x.Rows, Grain.Of(x.Columns), ref job);
        }
    }

    private struct Job : IRangeJob
    {
        public Matrix X;
        public int* Positions;
        public float* Table;
        public int Half;
        public float Direction;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count;
            var direction = new Vector<float>(Direction);
            for (int t = from; t < to; t++)
            {
                float* cos = Table + ((long)Positions[t] * 2 * Half), sin = cos + Half;
                float* end = X.Row(t) + X.Columns;
                for (float* a = X.Row(t); a < end; a += 2 * Half)
                {
                    float* b = a + Half;
                    int i = 0;
                    for (; i + width <= Half; i += width)
                    {
                        Vector<float> x = Vector.Load(a + i), y = Vector.Load(b + i), c = Vector.Load(cos + i),
                            s = Vector.Load(sin + i) * direction;
                        ((x * c) - (y * s)).Store(a + i);
                        ((y * c) + (x * s)).Store(b + i);
                    }

                    for (; i < Half; i++)
                    {
                        float x = a[i], y = b[i], s = sin[i] * Direction;
                        a[i] = (x * cos[i]) - (y * s);
                        b[i] = (y * cos[i]) + (x * s);
                    }
                }
            }
        }
    }
}
