using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>How the places of a head turn with the position.</summary>
/// <param name="Angles">Rotary angle of position 1 for each pair of places, [E / 2].</param>
/// <param name="Factor">What cosines and sines are multiplied with.</param>
internal sealed record RotaryFrequencies(double[] Angles, double Factor);

/// <summary>Cosines and sines of the rotary angles of some positions.</summary>
/// <param name="Cos">[N, E / 2].</param>
/// <param name="Sin">[N, E / 2].</param>
internal sealed record Rotary(Tensor Cos, Tensor Sin) : IDisposable
{
    /// <summary>Computes them in double precision, so that far positions keep their accuracy.</summary>
    /// <param name="frequencies">How places turn.</param>
    /// <param name="positions">Positions, [N].</param>
    /// <param name="device">Where to.</param>
    /// <param name="dtype">Their type.</param>
    /// <param name="link">How positions get there.</param>
    public static Rotary Of(RotaryFrequencies frequencies, int[] positions, Device device, ScalarType dtype, HostLink link)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor angles = outer(link.Write(Array.ConvertAll(positions, p => (double)p), device), link.Write(frequencies.Angles, device));
        return new Rotary(scope.Detach(angles.cos().mul(frequencies.Factor).to(dtype)),
            scope.Detach(angles.sin().mul(frequencies.Factor).to(dtype)));
    }

    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }
}
