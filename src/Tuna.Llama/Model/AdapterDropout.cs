using Tuna.Llama.Tensors;
using Tuna.Numerics;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>Dropout masks that depend on (seed, pass, projection), a row of the micro-batch and a column alone: recomputing a part of it
/// draws the same ones, on every device.</summary>
/// <remarks>
/// A hash of integers rather than libtorch's generators: TorchSharp 0.107 makes a CPU generator whatever the device asked for, and the
/// GPU's default generator belongs to the application.
/// </remarks>
/// <param name="Probability">Share of the elements that are dropped, (0, 1).</param>
/// <param name="Seed">Seed of the pass.</param>
/// <param name="RowCount">Rows of the whole micro-batch.</param>
/// <param name="Rows">The rows computed, or null for all.</param>
/// <param name="Link">How keys get to the device.</param>
internal sealed record AdapterDropout(double Probability, ulong Seed, int RowCount, Tensor? Rows, HostLink Link)
{
    private const long Bits32 = 1L << 32;

    /// <summary>Drops elements of x, [N, in], and scales the others up.</summary>
    public Tensor Apply(Tensor x, int projection) => x * Mask(x, projection);

    /// <summary>1 / (1 - p) where an element of x is kept, 0 where it is dropped, [N, in].</summary>
    private Tensor Mask(Tensor x, int projection)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        var random = new Rng(Rng.Derive(Seed, (ulong)projection));
        Tensor rows = Keys(RowCount), columns = Keys((int)x.shape[1]);
        if (Rows is not null)
            rows = rows.index_select(0, Rows);
        // A 32-bit mixing function (xor-shift, multiply, twice); the products of 32-bit numbers and a 27-bit one fit 63 bits.
        Tensor h = (rows.unsqueeze(1) + columns).remainder_(Bits32);
        for (int round = 0; round < 2; round++)
            h.bitwise_xor_(h.div(1L << 16, RoundingMode.floor)).mul_(0x45d9f3bL).remainder_(Bits32);
        h.bitwise_xor_(h.div(1L << 16, RoundingMode.floor));
        return scope.MoveToOuter(h.ge((long)(Probability * Bits32)).to(ScalarType.Float32).div_(1 - Probability).to(x.dtype));

        Tensor Keys(int count)
        {
            var keys = new long[count];
            for (int i = 0; i < count; i++)
                keys[i] = (long)(random.NextUInt64() >> 32);
            return Link.Write(keys, x.device);
        }
    }
}
