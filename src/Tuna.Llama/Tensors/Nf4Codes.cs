using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>
/// Numbers in 4 bits: a level of NormalFloat each, whose steps hold equal shares of a normal distribution, times the largest magnitude of
/// their block of 64 (QLoRA, Dettmers et al., arXiv 2305.14314, section 3 and appendix E).
/// </summary>
/// <remarks>
/// The largest magnitudes are quantized again ("double quantization"): less their mean, in a byte each with a single-precision scale for
/// every 256 of them. A number's code is that of the level nearest to it under the exact magnitude, as the paper's library has it.
/// </remarks>
internal sealed class Nf4Codes : IDisposable
{
    /// <summary>Numbers that share a magnitude.</summary>
    public const int Block = 64;

    private const long Most = 1L << 22; // numbers at once: bounds what is not packed yet, or any more

    private readonly Tensor _pairs; // both levels of every byte, [256, 2]

    /// <param name="count">How many numbers; all are zero.</param>
    /// <param name="device">Where.</param>
    public Nf4Codes(long count, Device device)
    {
        Count = count;
        long blocks = (count + Block - 1) / Block;
        Codes = full([blocks * Block / 2], 0x77, ScalarType.Byte, device).DetachFromDisposeScope(); // level 7 is zero
        Magnitudes = new BlockCodes(blocks, signed: true, device);
        _pairs = tensor(Pairs(), [256, 2], device: device).DetachFromDisposeScope();
    }

    /// <summary>The 16 levels of appendix E in rising order.</summary>
    public static IReadOnlyList<float> Levels { get; } =
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f,
            -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f,
            0.7229568362236023f, 1.0f,
    ];

    public long Count { get; }

    /// <summary>Two numbers a byte, the first in its upper half; whole blocks.</summary>
    public Tensor Codes { get; }

    /// <summary>Each block's largest magnitude less <see cref="Mean"/>.</summary>
    public BlockCodes Magnitudes { get; }

    /// <summary>Mean of the magnitudes.</summary>
    public float Mean { get; private set; }

    /// <summary>Bytes of some numbers' codes and scales.</summary>
    public static long Bytes(long count)
    {
        long blocks = (count + Block - 1) / Block, groups = (blocks + BlockCodes.Block - 1) / BlockCodes.Block;
        return (blocks * Block / 2) + (groups * (BlockCodes.Block + sizeof(float)));
    }

    /// <summary>Replaces all numbers.</summary>
    /// <param name="values">[count] in any shape, type and place; it crosses to the device a piece at a time.</param>
    public void Write(Tensor values)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = values.contiguous().view(-1), magnitudes = empty([Magnitudes.Count], ScalarType.Float32, Codes.device);
        Tensor edges = tensor(Levels.Zip(Levels.Skip(1), (a, b) => (float)((a + (double)b) / 2)).ToArray(), device: Codes.device);
        for (long start = 0; start < Count; start += Most)
        {
            using DisposeScope piece = NewDisposeScope();
            long count = Math.Min(Most, Count - start), blocks = (count + Block - 1) / Block;
            Tensor rows = flat.narrow(0, start, count).to(Codes.device).to(ScalarType.Float32);
            if (count % Block != 0)
                rows = cat([rows, zeros([(blocks * Block) - count], ScalarType.Float32, Codes.device)]);
            rows = rows.view(blocks, Block);
            Tensor largest = rows.abs().amax([1]);
            magnitudes.narrow(0, start / Block, blocks).copy_(largest);
            Tensor codes = bucketize(rows.div(largest.masked_fill(largest.eq(0), 1).unsqueeze(1)), edges, outInt32: true).view(-1, 2);
            Codes.narrow(0, start / 2, blocks * Block / 2).copy_(codes.select(1, 0).mul(16).add_(codes.select(1, 1)));
        }

        Mean = magnitudes.mean().item<float>();
        Magnitudes.Write(0, magnitudes.sub_(Mean), null, 0);
    }

    /// <summary>All numbers, [count], of a type; in the caller's scope.</summary>
    public Tensor Read(ScalarType dtype)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor target = empty([Count], dtype, Codes.device);
        ReadTo(target);
        return scope.MoveToOuter(target);
    }

    /// <summary>All numbers with libtorch's operations: the reference of the kernel.</summary>
    /// <param name="target">Receives them, [count].</param>
    public void ReadTo(Tensor target)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Tensor magnitudes = Magnitudes.Read(0, Magnitudes.Count).add_(Mean).unsqueeze(1);
        for (long start = 0; start < Count; start += Most)
        {
            using DisposeScope piece = NewDisposeScope();
            long count = Math.Min(Most, Count - start), blocks = (count + Block - 1) / Block;
            Tensor levels = _pairs.index_select(0, Codes.narrow(0, start / 2, blocks * Block / 2).to(ScalarType.Int32)).view(blocks, Block);
            target.narrow(0, start, count).copy_(levels.mul_(magnitudes.narrow(0, start / Block, blocks)).view(-1).narrow(0, 0, count));
        }
    }

    private static float[] Pairs()
    {
        var pairs = new float[512];
        for (int code = 0; code < 256; code++)
            (pairs[2 * code], pairs[(2 * code) + 1]) = (Levels[code >> 4], Levels[code & 15]);
        return pairs;
    }

    public void Dispose()
    {
        Codes.Dispose();
        Magnitudes.Dispose();
        _pairs.Dispose();
    }
}
