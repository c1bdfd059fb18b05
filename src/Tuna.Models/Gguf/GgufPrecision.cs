namespace Tuna.Models.Gguf;

/// <summary>How the matrices of a GGUF file are stored. Vectors (norms, biases) are single precision in each.</summary>
public enum GgufPrecision
{
    /// <summary>Single precision, exact.</summary>
    F32,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16.</summary>
    BF16,

    /// <summary>Q8_0: a byte each, with a half-precision scale for each 32 of a row; rows whose length is no multiple of 32 are
    /// F16.</summary>
    Q8,
}
