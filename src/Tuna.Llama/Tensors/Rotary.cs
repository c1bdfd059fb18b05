using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>Cosines and sines of the rotary angles of some positions.</summary>
/// <param name="Cos">[N, E / 2].</param>
/// <param name="Sin">[N, E / 2].</param>
internal sealed record Rotary(Tensor Cos, Tensor Sin) : IDisposable
{
    /// <summary>Computes them in double precision, so that far positions keep their accuracy.</summary>
    /// <param name="frequencies">Angle of position 1 for each pair of places, [E / 2].</param>
    /// <param name="positions">Positions, [N].</param>
    /// <param name="device">Where to.</param>
    /// <param name="dtype">Their type.</param>
    public static Rotary Of(double[] frequencies, int[] positions, Device device, ScalarType dtype)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor angles = outer(tensor(Array.ConvertAll(positions, p => (double)p), device: device), tensor(frequencies, device: device));
        return new Rotary(scope.Detach(angles.cos().to(dtype)), scope.Detach(angles.sin().to(dtype)));
    }

    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }
}
