namespace Tuna.Models.Checkpoints;

/// <summary>Element types of stored tensors, in the order in which the safetensors library sorts tensors within a file (later ones come
/// first).</summary>
public enum TensorDType
{
    /// <summary>One byte, 0 or 1.</summary>
    Bool,

    /// <summary>Unsigned 8-bit integer.</summary>
    U8,

    /// <summary>Signed 8-bit integer.</summary>
    I8,

    /// <summary>Signed 16-bit integer.</summary>
    I16,

    /// <summary>Unsigned 16-bit integer.</summary>
    U16,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a single.</summary>
    BF16,

    /// <summary>Signed 32-bit integer.</summary>
    I32,

    /// <summary>Unsigned 32-bit integer.</summary>
    U32,

    /// <summary>IEEE single precision.</summary>
    F32,

    /// <summary>IEEE double precision.</summary>
    F64,

    /// <summary>Signed 64-bit integer.</summary>
    I64,

    /// <summary>Unsigned 64-bit integer.</summary>
    U64,
}

/// <summary>Sizes and names of <see cref="TensorDType"/>.</summary>
public static class TensorDTypes
{
    /// <summary>Bytes of one element.</summary>
    public static int Size(this TensorDType type) => type switch
    {
        TensorDType.Bool or TensorDType.U8 or TensorDType.I8 => 1,
        TensorDType.I16 or TensorDType.U16 or TensorDType.F16 or TensorDType.BF16 => 2,
        TensorDType.I32 or TensorDType.U32 or TensorDType.F32 => 4,
        _ => 8,
    };

    /// <summary>The name in a safetensors header, such as <c>BF16</c>.</summary>
    public static string SafetensorsName(this TensorDType type) => type == TensorDType.Bool ? "BOOL" : type.ToString();

    /// <summary>The name in config.json (<c>torch_dtype</c>, <c>dtype</c>): <c>float32</c>, <c>bfloat16</c> or <c>float16</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a type that model weights are kept in.</exception>
    public static string ConfigName(this TensorDType type) => type switch
    {
        TensorDType.F32 => "float32",
        TensorDType.BF16 => "bfloat16",
        TensorDType.F16 => "float16",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Model weights are F32, BF16 or F16."),
    };

    internal static bool TryParseSafetensors(string? name, out TensorDType type)
    {
        foreach (TensorDType candidate in Enum.GetValues<TensorDType>())
        {
            if (candidate.SafetensorsName() == name)
            {
                type = candidate;
                return true;
            }
        }
        type = default;
        return false;
    }
}
