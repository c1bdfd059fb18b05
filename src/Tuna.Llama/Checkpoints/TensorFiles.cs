using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Checkpoints;

/// <summary>Moves tensors between safetensors files and devices, a piece of bounded size at a time.</summary>
internal static class TensorFiles
{
    private const long PieceBytes = 256L << 20;

    /// <summary>A CPU tensor with the bytes of a stored one, in its stored type.</summary>
    public static Tensor Read(ReadOnlySpan<byte> bytes, TensorInfo info)
    {
        Tensor result = empty([.. info.Shape], TensorTypes.Of(info.DType), CPU);
        bytes.CopyTo(result.bytes);
        return result;
    }

    /// <summary>Writes a tensor, rounded to a type; rows cross from the device in pieces.</summary>
    public static void Write(SafetensorsWriter writer, string name, Tensor tensor, TensorDType type, long pieceBytes = PieceBytes)
    {
        using IDisposable mode = no_grad();
        long rows = tensor.dim() == 0 ? 1 : tensor.shape[0];
        long step = Math.Max(1, pieceBytes / Math.Max(1, tensor.numel() / Math.Max(1, rows) * 4));
        for (long row = 0; row < rows; row += step)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor piece = tensor.dim() == 0 ? tensor : tensor.narrow(0, row, Math.Min(step, rows - row));
            writer.WriteBytes(name, piece.detach().to(TensorTypes.Of(type)).cpu().contiguous().bytes);
        }
    }
}
