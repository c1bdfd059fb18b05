namespace Tuna.Llama.Managed.Kernels;

/// <summary>A view of weights in a byte each: whole numbers from -127 to 127 times a scale for each row. Rows are filled up with zeros to a
/// multiple of 32; the scales follow them.</summary>
/// <param name="Data">First row.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Columns">Weights of a row.</param>
internal readonly unsafe record struct Int8Matrix(nint Data, int Rows, int Columns)
{
    private const int Block = 32;

    /// <summary>Bytes from one row to the next, and numbers of the rows that are multiplied with it.</summary>
    public int Stride => Padded(Columns);

    /// <summary>Scales, [Rows].</summary>
    public float* Scales => (float*)(Data + ((nint)Rows * Stride));

    /// <summary>Floats of memory that a matrix takes: a multiple of 16, so that the next one starts at a line too.</summary>
    public static long Floats(int rows, int columns) => (((long)rows * Padded(columns) / sizeof(float)) + rows + 15) / 16 * 16;

    /// <summary>A number of columns filled up.</summary>
    public static int Padded(int columns) => (columns + Block - 1) / Block * Block;

    public sbyte* Row(int row) => (sbyte*)Data + ((long)row * Stride);
}
