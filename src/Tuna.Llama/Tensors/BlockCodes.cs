using Tuna.Numerics;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>Numbers as a byte each and the largest magnitude of every <see cref="Block"/> of them (block-wise dynamic quantization,
/// Dettmers et al., arXiv 2110.02861, section 2.1).</summary>
/// <remarks>
/// A byte stands for a level in [-1, 1] or [0, 1], whose steps are about proportional to its size over seven decades. Levels are the
/// paper's, with -1 in place of the smallest negative one: a block's largest number is exact whatever its sign, so that numbers that were
/// read can be written again without a change.
/// </remarks>
internal sealed class BlockCodes : IDisposable
{
    /// <summary>Numbers that share a scale.</summary>
    public const int Block = 256;

    private const long Bits32 = 1L << 32;
    private readonly Tensor _levels;

    /// <param name="count">How many numbers; all are zero.</param>
    /// <param name="signed">Whether they may be negative.</param>
    /// <param name="device">Where.</param>
    public BlockCodes(long count, bool signed, Device device)
    {
        Count = count;
        IsSigned = signed;
        long blocks = (count + Block - 1) / Block;
        Codes = zeros([blocks * Block], ScalarType.Byte, device).DetachFromDisposeScope();
        Scales = zeros([blocks], ScalarType.Float32, device).DetachFromDisposeScope();
        _levels = tensor(Levels(signed), device: device).DetachFromDisposeScope();
    }

    public long Count { get; }

    public bool IsSigned { get; }

    /// <summary>A byte a number, whole blocks, [blocks * 256].</summary>
    public Tensor Codes { get; }

    /// <summary>The largest magnitude of every block, Float32, [blocks].</summary>
    public Tensor Scales { get; }

    /// <summary>The 256 levels in rising order.</summary>
    public static float[] Levels(bool signed)
    {
        var levels = new List<double> { 0, 1 };
        for (int decade = 0; decade < 7; decade++)
        {
            int count = signed ? 1 << decade : 2 << decade;
            double size = Math.Pow(10, decade - 6), step = 0.9 / count;
            for (int i = 0; i < count; i++)
            {
                double middle = size * (0.1 + ((i + 0.5) * step));
                levels.Add(middle);
                if (signed)
                    levels.Add(decade == 0 ? -1 : -middle); // the first decade has one level
            }
        }

        levels.Sort();
        return [.. levels.Select(l => (float)l)];
    }

    /// <summary>Numbers of a range that begins at a block, Float32, in the caller's scope.</summary>
    public Tensor Read(long start, long count)
    {
        using DisposeScope scope = NewDisposeScope();
        (long block, long blocks) = (start / Block, (count + Block - 1) / Block);
        Tensor values = _levels.index_select(0, Codes.narrow(0, start, blocks * Block).to(ScalarType.Int64)).view(blocks, Block);
        return scope.MoveToOuter(values.mul_(Scales.narrow(0, block, blocks).unsqueeze(1)).view(-1).narrow(0, 0, count));
    }

    /// <summary>Replaces numbers of a range that begins at a block and ends at one or at the end.</summary>
    /// <param name="start">The first.</param>
    /// <param name="values">Float32, [n].</param>
    /// <param name="noise">Rounds up as often as a number is near the upper level, by a hash of this and its place; null rounds to the
    /// nearest level.</param>
    /// <param name="shift">Which 16 bits of the hash decide: 0 or 16.</param>
    public void Write(long start, Tensor values, uint? noise, int shift)
    {
        using DisposeScope scope = NewDisposeScope();
        long count = values.shape[0], blocks = (count + Block - 1) / Block;
        Tensor whole = zeros([blocks * Block], ScalarType.Float32, values.device);
        whole.narrow(0, 0, count).copy_(values);
        Tensor rows = whole.view(blocks, Block), scales = rows.abs().amax([1]);
        Scales.narrow(0, start / Block, blocks).copy_(scales);
        Tensor x = rows.div(scales.masked_fill(scales.eq(0), 1).unsqueeze(1)).view(-1);
        Tensor upper = bucketize(x, _levels).clamp_(0, 255), lower = upper.sub(1).clamp_(0, 255); // the first level that is not below x
        Tensor low = _levels.index_select(0, lower), width = _levels.index_select(0, upper).sub_(low);
        Tensor share = x.sub(low).div_(width.masked_fill(width.eq(0), 1));
        Tensor code = where(share.gt(noise is { } seed ? Noise(start, blocks * Block, seed, shift, x.device) : full_like(share, 0.5)),
            upper, lower);
        if (!IsSigned)
            code = code.maximum(x.gt(0).to(ScalarType.Int64)); // what divides is never rounded to zero
        Codes.narrow(0, start, blocks * Block).copy_(code);
    }

    /// <summary>Numbers in [0, 1), a function of a seed and a place, as the kernel has them.</summary>
    private static Tensor Noise(long start, long count, uint seed, int shift, Device device)
    {
        Tensor h = arange(start, start + count, ScalarType.Int64,
            device).remainder_(Bits32).mul_(0x45d9f3bL).add_((long)seed).remainder_(Bits32);
        for (int round = 0; round < 2; round++)
            h.bitwise_xor_(h.div(1L << 16, RoundingMode.floor)).mul_(0x45d9f3bL).remainder_(Bits32);
        h.bitwise_xor_(h.div(1L << 16, RoundingMode.floor));
        return h.div(1L << shift, RoundingMode.floor).remainder_(1L << 16).to(ScalarType.Float32).div_(1 << 16);
    }

    /// <summary>The noise of a step.</summary>
    public static uint NoiseOf(long step) => (uint)Rng.Derive((ulong)step, 0);

    public void Dispose()
    {
        Codes.Dispose();
        Scales.Dispose();
        _levels.Dispose();
    }
}
