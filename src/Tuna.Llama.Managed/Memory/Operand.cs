namespace Tuna.Llama.Managed.Memory;

/// <summary>A matrix as a factor of a product: as it lies in memory, or its transpose, which <see cref="Matrix.T"/> gives without moving
/// anything.</summary>
/// <param name="Matrix">The matrix in memory.</param>
/// <param name="Transposed">Whether the factor is its transpose.</param>
internal readonly record struct Operand(Matrix Matrix, bool Transposed)
{
    /// <summary>Rows of the factor.</summary>
    public int Rows => Transposed ? Matrix.Columns : Matrix.Rows;

    /// <summary>Columns of the factor.</summary>
    public int Columns => Transposed ? Matrix.Rows : Matrix.Columns;

    public static implicit operator Operand(in Matrix matrix) => new(matrix, Transposed: false);
}
