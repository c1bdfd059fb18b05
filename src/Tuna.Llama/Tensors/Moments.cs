using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>AdamW's two moments of a weight, between its steps.</summary>
internal abstract class Moments : IDisposable
{
    private const long SmallestCompact = 4096; // below that nothing worth having is saved

    /// <summary>Moments that are zero.</summary>
    public static Moments Of(Weight weight, MomentPrecision precision) =>
        precision == MomentPrecision.EightBit && weight.Data.numel() >= SmallestCompact
            ? new CompactMoments(weight) : new FullMoments(weight.Data);

    /// <summary>Bytes of compact moments of a weight of some elements.</summary>
    public static long CompactBytes(long elements)
    {
        long blocks = (elements + BlockCodes.Block - 1) / BlockCodes.Block;
        return elements < SmallestCompact ? 8 * elements : blocks * 2 * (BlockCodes.Block + sizeof(float));
    }

    /// <summary>What they take.</summary>
    public abstract long Bytes { get; }

    /// <summary>First moment of some rows, which are whole parts of the weight, Float32; a view or a copy in the caller's scope.</summary>
    public abstract Tensor First(long row, long rows);

    /// <summary>Second moment of some rows, as <see cref="First"/>.</summary>
    public abstract Tensor Second(long row, long rows);

    /// <summary>The largest magnitude of some numbers, without a copy of them: Float64, a scalar where they are, in the caller's
    /// scope.</summary>
    public static Tensor Magnitude(Tensor tensor)
    {
        using DisposeScope scope = NewDisposeScope();
        return scope.MoveToOuter(tensor.max().to(ScalarType.Float64).maximum(tensor.min().to(ScalarType.Float64).neg()));
    }

    /// <summary>The largest magnitudes of both moments, or bounds of them, as <see cref="Magnitude"/> gives them.</summary>
    public abstract (Tensor First, Tensor Second) Largest();

    /// <summary>Sets the moments of a part that begins at a row; null leaves one as it is.</summary>
    public abstract void Assign(long row, Tensor? first, Tensor? second);

    /// <summary>One step of AdamW on some rows, which are whole parts.</summary>
    /// <param name="operations">How to compute.</param>
    /// <param name="row">The first row.</param>
    /// <param name="rows">How many.</param>
    /// <param name="moved">What moves, as it lies in the weight: [rows, *].</param>
    /// <param name="numbers">The step's numbers.</param>
    public abstract void Step(Operations operations, long row, long rows, MovedTensors moved, in AdamWNumbers numbers);

    public abstract void Dispose();

    /// <summary>In single precision.</summary>
    private sealed class FullMoments(Tensor weights) : Moments
    {
        private readonly Tensor _first = zeros(weights.shape, ScalarType.Float32, weights.device).DetachFromDisposeScope();
        private readonly Tensor _second = zeros(weights.shape, ScalarType.Float32, weights.device).DetachFromDisposeScope();

        public override long Bytes => 2 * sizeof(float) * _first.numel();

        public override Tensor First(long row, long rows) => _first.narrow(0, row, rows);

        public override Tensor Second(long row, long rows) => _second.narrow(0, row, rows);

        public override (Tensor First, Tensor Second) Largest() => (Magnitude(_first), Magnitude(_second));

        public override void Assign(long row, Tensor? first, Tensor? second)
        {
            if (first is not null)
                First(row, first.shape[0]).copy_(first);
            if (second is not null)
                Second(row, second.shape[0]).copy_(second);
        }

        public override void Step(Operations operations, long row, long rows, MovedTensors moved, in AdamWNumbers numbers)
        {
            if (rows == _first.shape[0])
            {
                operations.AdamW(new AdamWTensors(moved.Weights, moved.Lower, moved.Master, moved.Gradient, _first, _second), numbers);
                return;
            }

            MovedTensors part = moved.Rows(row, rows);
            operations.AdamW(new AdamWTensors(part.Weights, part.Lower, part.Master, part.Gradient, First(row, rows), Second(row, rows)),
                numbers);
        }

        public override void Dispose()
        {
            _first.Dispose();
            _second.Dispose();
        }
    }

    /// <summary>In a byte each. Blocks begin anew with every part, so that parts that follow rules of their own share none.</summary>
    private sealed class CompactMoments : Moments
    {
        private readonly List<(long Row, long[] Shape, CompactPart Codes)> _parts = [];

        public CompactMoments(Weight weight)
        {
            foreach (WeightPart part in weight.Parts)
                _parts.Add((part.Row, part.Shape, new CompactPart(part.Parameter.numel(), weight.Device)));
        }

        public override long Bytes => _parts.Sum(p => CompactBytes(p.Codes.First.Count));

        public override Tensor First(long row, long rows) => Join(row, rows, c => c.First.Read(0, c.First.Count));

        public override Tensor Second(long row, long rows) => Join(row, rows, c => c.Root.Read(0, c.Root.Count).square());

        public override (Tensor First, Tensor Second) Largest()
        {
            using DisposeScope scope = NewDisposeScope();
            // No number of a block is larger than its scale.
            Tensor First(Func<CompactPart, BlockCodes> of) => stack(_parts.Select(p => Magnitude(of(p.Codes).Scales))).max();
            return (scope.MoveToOuter(First(c => c.First)), scope.MoveToOuter(First(c => c.Root).square()));
        }

        public override void Assign(long row, Tensor? first, Tensor? second)
        {
            CompactPart codes = _parts.Single(p => p.Row == row).Codes;
            using DisposeScope scope = NewDisposeScope();
            if (first is not null)
                codes.First.Write(0, Wide(first), null, 0);
            if (second is not null)
                codes.Root.Write(0, Wide(second).sqrt(), null, 0); // sqrt(x x) is x: what was saved comes back to the bit

            Tensor Wide(Tensor x) => x.to(ScalarType.Float32).to(codes.First.Codes.device).contiguous().view(-1);
        }

        public override void Step(Operations operations, long row, long rows, MovedTensors moved, in AdamWNumbers numbers)
        {
            foreach ((long first, long[] shape, CompactPart codes) in Parts(row, rows))
                operations.CompactAdamW(moved.Flat(first, shape[0]), codes, numbers);
        }

        private IEnumerable<(long Row, long[] Shape, CompactPart Codes)> Parts(long row, long rows) =>
            _parts.Where(p => p.Row >= row && p.Row < row + rows);

        private Tensor Join(long row, long rows, Func<CompactPart, Tensor> read)
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor[] parts = [.. Parts(row, rows).Select(p => read(p.Codes).view(p.Shape))];
            return scope.MoveToOuter(parts.Length == 1 ? parts[0] : cat(parts, 0));
        }

        public override void Dispose() => _parts.ForEach(p => p.Codes.Dispose());
    }
}

/// <summary>Moments of one part in a byte each: the first, and the ROOT of the second, whose range is half as many decades.</summary>
internal sealed class CompactPart(long count, Device device) : IDisposable
{
    public BlockCodes First { get; } = new(count, signed: true, device);

    public BlockCodes Root { get; } = new(count, signed: false, device);

    public void Dispose()
    {
        First.Dispose();
        Root.Dispose();
    }
}

/// <summary>What a step of AdamW moves beside the moments.</summary>
/// <param name="Weights">The weights, of the model's type.</param>
/// <param name="Lower">Their lower bits; null in single precision, and where <paramref name="Master"/> is given.</param>
/// <param name="Master">Single-precision weights; null when the weights are that themselves, or are split.</param>
/// <param name="Gradient">The gradient, BFloat16 or Float32; null is zero.</param>
internal readonly record struct MovedTensors(Tensor Weights, Tensor? Lower, Tensor? Master, Tensor? Gradient)
{
    /// <summary>Some rows.</summary>
    public MovedTensors Rows(long row, long rows) => Select(t => t.narrow(0, row, rows));

    /// <summary>Some rows, flat.</summary>
    public MovedTensors Flat(long row, long rows) => Select(t => t.narrow(0, row, rows).view(-1));

    /// <summary>Some elements of flat tensors.</summary>
    public MovedTensors Range(long start, long count) => Select(t => t.narrow(0, start, count));

    private MovedTensors Select(Func<Tensor, Tensor> of) => new(of(Weights), Of(Lower, of), Of(Master, of), Of(Gradient, of));

    private static Tensor? Of(Tensor? tensor, Func<Tensor, Tensor> of) => tensor is null ? null : of(tensor);
}
