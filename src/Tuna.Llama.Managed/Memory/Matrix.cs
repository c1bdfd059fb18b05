namespace Tuna.Llama.Managed.Memory;

/// <summary>A view of a row-major matrix in native memory.</summary>
internal readonly unsafe struct Matrix
{
    public Matrix(float* data, int rows, int columns, int stride)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(rows);
        ArgumentOutOfRangeException.ThrowIfNegative(columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, columns);
        Data = data;
        Rows = rows;
        Columns = columns;
        Stride = stride;
    }

    public Matrix(float* data, int rows, int columns)
        : this(data, rows, columns, columns)
    {
    }

    /// <summary>First element.</summary>
    public float* Data { get; }

    /// <summary>Number of rows.</summary>
    public int Rows { get; }

    /// <summary>Number of columns.</summary>
    public int Columns { get; }

    /// <summary>Floats from one row to the next.</summary>
    public int Stride { get; }

    /// <summary>The transpose, as a factor of a product.</summary>
    public Operand T => new(this, Transposed: true);

    public float* Row(int row) => Data + ((long)row * Stride);

    public Span<float> RowSpan(int row) => new(Row(row), Columns);

    /// <summary>The rows <paramref name="start"/> .. <paramref name="start"/> + <paramref name="count"/>.</summary>
    public Matrix SliceRows(int start, int count) => new(Row(Checked(start, count, Rows)), count, Columns, Stride);

    /// <summary>The columns <paramref name="start"/> .. <paramref name="start"/> + <paramref name="count"/>.</summary>
    public Matrix SliceColumns(int start, int count) => new(Data + Checked(start, count, Columns), Rows, count, Stride);

    private static int Checked(int start, int count, int limit) =>
        start >= 0 && count >= 0 && start + count <= limit
            ? start : throw new ArgumentOutOfRangeException(nameof(start), $"{start} + {count} of {limit}");
}
