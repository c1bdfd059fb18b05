namespace Tuna.Models.Checkpoints;

/// <summary>Name and shape of a model parameter.</summary>
/// <param name="Name">The Hugging Face name, such as <c>model.layers.0.self_attn.q_proj.weight</c>.</param>
/// <param name="Shape">Dimensions, row-major; linear weights are [out, in].</param>
public sealed record ParameterShape(string Name, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (n, d) => checked(n * d));

    /// <inheritdoc/>
    public override string ToString() => $"{Name} [{string.Join(", ", Shape)}]";
}

/// <summary>A tensor to be written: its name, type and shape.</summary>
/// <param name="Name">Unique within the file.</param>
/// <param name="DType">Stored element type.</param>
/// <param name="Shape">Dimensions >= 0, row-major; empty for a scalar.</param>
public sealed record TensorSpec(string Name, TensorDType DType, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements.</summary>
    /// <exception cref="OverflowException">The shape overflows 64 bits.</exception>
    public long ElementCount => Shape.Aggregate(1L, (n, d) => checked(n * d));

    /// <summary>Stored size in bytes.</summary>
    /// <exception cref="OverflowException">The shape overflows 64 bits.</exception>
    public long ByteLength => checked(ElementCount * DType.Size());
}

/// <summary>A tensor of an open safetensors file, checked against the file.</summary>
/// <param name="Name">Unique within the file.</param>
/// <param name="DType">Stored element type.</param>
/// <param name="Shape">Dimensions, row-major; empty for a scalar.</param>
/// <param name="Offset">First byte, from the start of the file.</param>
/// <param name="ByteLength">Stored size in bytes.</param>
public sealed record TensorInfo(string Name, TensorDType DType, IReadOnlyList<long> Shape, long Offset, long ByteLength)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => ByteLength / DType.Size();
}
