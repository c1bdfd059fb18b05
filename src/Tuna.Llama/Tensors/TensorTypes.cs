using Tuna.Models;
using Tuna.Models.Checkpoints;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>Element types of checkpoints and of TorchSharp.</summary>
internal static class TensorTypes
{
    public static ScalarType Of(TensorDType type) => type switch
    {
        TensorDType.F32 => ScalarType.Float32,
        TensorDType.BF16 => ScalarType.BFloat16,
        TensorDType.F16 => ScalarType.Float16,
        _ => throw new InvalidDataException($"Weights of type {type.SafetensorsName()} are not supported; they are F32, BF16 or F16."),
    };

    public static TensorDType From(ScalarType type) => type switch
    {
        ScalarType.Float32 => TensorDType.F32,
        ScalarType.BFloat16 => TensorDType.BF16,
        ScalarType.Float16 => TensorDType.F16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "Weights are Float32, BFloat16 or Float16."),
    };
}
