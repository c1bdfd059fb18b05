using Tuna.Llama.Managed.Memory;
using Tuna.Numerics;

namespace Tuna.Llama.Managed.Tests;

/// <summary>Native matrices for kernel tests: filled from a seed, surrounded by guard values that a kernel must not touch.</summary>
internal sealed unsafe class TestMatrix : IDisposable
{
    private const int Guard = 32;
    private const float GuardValue = 12345.678f;
    private readonly NativeBuffer _buffer = new();
    private readonly long _size;

    public TestMatrix(int rows, int columns, ulong seed, int extraStride = 0, double scale = 1)
    {
        int stride = columns + extraStride;
        _size = (long)rows * stride;
        float* p = _buffer.Ensure(_size + (2 * Guard));
        new Span<float>(p, checked((int)(_size + (2 * Guard)))).Fill(GuardValue);
        Matrix = new Matrix(p + Guard, rows, columns, stride);
        var rng = new Rng(seed);
        for (int i = 0; i < rows; i++)
        {
            foreach (ref float x in Matrix.RowSpan(i))
                x = (float)(rng.NextGaussian() * scale);
        }
    }

    /// <summary>A matrix with the values of another, or of its transpose.</summary>
    public static TestMatrix Copy(TestMatrix source, bool transposed, int extraStride)
    {
        Matrix m = source.Matrix;
        TestMatrix copy = transposed
            ? new TestMatrix(m.Columns, m.Rows, 0, extraStride) : new TestMatrix(m.Rows, m.Columns, 0, extraStride);
        for (int i = 0; i < m.Rows; i++)
        {
            for (int j = 0; j < m.Columns; j++)
                copy[transposed ? j : i, transposed ? i : j] = source[i, j];
        }

        return copy;
    }

    public Matrix Matrix { get; }

    public float* Data => Matrix.Data;

    public float this[int i, int j]
    {
        get => Matrix.Row(i)[j];
        set => Matrix.Row(i)[j] = value;
    }

    public double[,] ToDoubles()
    {
        var copy = new double[Matrix.Rows, Matrix.Columns];
        for (int i = 0; i < Matrix.Rows; i++)
        {
            for (int j = 0; j < Matrix.Columns; j++)
                copy[i, j] = this[i, j];
        }

        return copy;
    }

    /// <summary>Checks what surrounds the matrix and what lies between its rows.</summary>
    public void AssertGuards()
    {
        for (long i = -Guard; i < _size + Guard; i++)
        {
            bool inside = i >= 0 && i < _size && i % Matrix.Stride < Matrix.Columns;
            if (!inside)
                Assert.Equal(GuardValue, Data[i]);
        }
    }

    /// <summary>Compares with a reference in double precision.</summary>
    /// <param name="expected">The reference.</param>
    /// <param name="relative">Largest difference allowed, in units of the largest entry.</param>
    public void AssertClose(double[,] expected, double relative)
    {
        double largest = 1e-2; // entries of the tests' data are around 1; where all are zero, only rounding is left
        foreach (double x in expected)
            largest = Math.Max(largest, Math.Abs(x));
        for (int i = 0; i < Matrix.Rows; i++)
        {
            for (int j = 0; j < Matrix.Columns; j++)
                Assert.True(Math.Abs(expected[i, j] - this[i, j]) <= relative * largest,
                    $"[{i}, {j}]: expected {expected[i, j]}, got {this[i, j]}, largest {largest}");
        }

        AssertGuards();
    }

    public void Dispose() => _buffer.Dispose();
}
