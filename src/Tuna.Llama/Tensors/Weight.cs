using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>
/// One tensor of weights that computes as a whole, and the checkpoint's parameters that lie in it one below the other: q, k and v are one
/// product. Its numbers lie in memory as they compute, or packed in 4 bits each.
/// </summary>
internal sealed class Weight
{
    private readonly List<WeightPart> _parts = [];
    private readonly Tensor? _data;
    private readonly UnpackedPlace? _place; // where packed numbers are unpacked to
    private readonly long _rows;
    private readonly int? _columns;
    private Tensor? _unpacked;
    private Tensor? _transposed; // views, which products ask for again and again
    private Tensor[]? _pieces;
    private Tensor[]? _transposedPieces;

    /// <summary>Creates uninitialized weights.</summary>
    /// <param name="device">Where.</param>
    /// <param name="dtype">The type that they compute in.</param>
    /// <param name="rows">Rows of each part.</param>
    /// <param name="columns">Columns; null for a vector.</param>
    /// <param name="place">Where weights that are kept in 4 bits are unpacked to; null keeps them as they compute.</param>
    public Weight(Device device, ScalarType dtype, IReadOnlyList<int> rows, int? columns, UnpackedPlace? place = null)
    {
        using IDisposable mode = no_grad();
        (Device, DType, _place, _columns) = (device, dtype, place, columns);
        _rows = rows.Sum(r => (long)r);
        _data = place is null ? empty(Shape(_rows), dtype, device).DetachFromDisposeScope() : null;
        place?.Reserve(_rows * (columns ?? 1));
        long row = 0;
        foreach (int count in rows)
        {
            long[] shape = Shape(count);
            Nf4Codes? codes = _data is null ? new Nf4Codes(shape.Aggregate(1L, (a, b) => a * b), device) : null;
            Parameter parameter = codes is null
                ? new Parameter(_data!.narrow(0, row, count)) : new Parameter(codes.Codes.alias(), requires_grad: false);
            parameter.DetachFromDisposeScope();
            _parts.Add(new WeightPart(parameter, row, shape, codes));
            row += count;
        }
    }

    public Device Device { get; }

    /// <summary>The type that they compute in.</summary>
    public ScalarType DType { get; }

    /// <summary>All of it as it lies in memory, [rows, columns] or [rows]; not a parameter, and never seen by autograd. Weights in 4 bits
    /// have none.</summary>
    public Tensor Data => _data ?? throw new InvalidOperationException("These weights are packed.");

    /// <summary>The parameters, views of <see cref="Data"/> or codes, with their first rows.</summary>
    public IReadOnlyList<WeightPart> Parts => _parts;

    /// <summary>Gradient and optimizer state while it is trained; null when it is frozen.</summary>
    public TrainedWeight? Trained { get; set; }

    /// <summary>All of it, for a product that is asked for next: the next packed weight is unpacked to the same place. The weight's own;
    /// not to be freed.</summary>
    public Tensor Matrix(Operations operations)
    {
        if (_data is not null)
            return _data;
        _unpacked ??= _place!.View(Shape(_rows));
        foreach (WeightPart part in _parts)
            operations.Unpack(part.Codes!, _unpacked, part.Row);
        return _unpacked;
    }

    /// <summary><see cref="Matrix"/> transposed: what a product x W^T takes. The weight's own; not to be freed.</summary>
    public Tensor TransposedMatrix(Operations operations)
    {
        Tensor matrix = Matrix(operations);
        return _transposed ??= matrix.t().DetachFromDisposeScope();
    }

    /// <summary><see cref="Data"/> transposed, likewise.</summary>
    public Tensor Transposed => _transposed ??= Data.t().DetachFromDisposeScope();

    /// <summary>The parts of <see cref="Data"/> as matrices. The weight's own; not to be freed.</summary>
    public IReadOnlyList<Tensor> Pieces =>
        _pieces ??= [.. _parts.Select(p => Data.narrow(0, p.Row, p.Shape[0]).DetachFromDisposeScope())];

    /// <summary>The same, each transposed.</summary>
    public IReadOnlyList<Tensor> TransposedPieces => _transposedPieces ??= [.. Pieces.Select(p => p.t().DetachFromDisposeScope())];

    /// <summary>A part's numbers as they compute; a view, or unpacked. In the caller's scope.</summary>
    public Tensor Value(WeightPart part) => part.Codes is null ? part.Parameter.alias() : part.Codes.Read(DType).view(part.Shape);

    /// <summary>Sets a part, from a tensor of its shape, of any type and device.</summary>
    public static void Assign(WeightPart part, Tensor values)
    {
        if (part.Codes is not null)
        {
            part.Codes.Write(values);
            return;
        }

        // Rounded where it is: copying to a device in another type would hold all of it there once more.
        using Tensor rounded = values.to(part.Parameter.dtype);
        part.Parameter.copy_(rounded);
    }

    /// <summary>Frees the numbers; the parameters, which are views of them, are the module's.</summary>
    public void Free()
    {
        foreach (Tensor? view in (Tensor?[])[_transposed, .. _pieces ?? [], .. _transposedPieces ?? []])
            view?.Dispose();
        _data?.Dispose();
        _unpacked?.Dispose();
        _parts.ForEach(p => p.Codes?.Dispose());
    }

    private long[] Shape(long rows) => _columns is { } c ? [rows, c] : [rows];
}

/// <summary>A parameter of the checkpoint in its weight.</summary>
/// <param name="Parameter">The parameter; of packed numbers, their codes.</param>
/// <param name="Row">Its first row.</param>
/// <param name="Shape">Its shape in the checkpoint.</param>
/// <param name="Codes">Its numbers where they are packed, else null.</param>
internal sealed record WeightPart(Parameter Parameter, long Row, long[] Shape, Nf4Codes? Codes);

/// <summary>Memory for the largest packed weight, in which all are unpacked by turns.</summary>
internal sealed class UnpackedPlace(Device device, ScalarType dtype) : IDisposable
{
    private long _count;
    private Tensor? _numbers;

    /// <summary>Called for every weight before the first is unpacked.</summary>
    public void Reserve(long count) => _count = Math.Max(_count, count);

    /// <summary>The beginning of it in a shape; the caller's.</summary>
    public Tensor View(long[] shape)
    {
        _numbers ??= empty([_count], dtype, device).DetachFromDisposeScope();
        using Tensor part = _numbers.narrow(0, 0, shape.Aggregate(1L, (a, b) => a * b));
        return part.view(shape).DetachFromDisposeScope();
    }

    public void Dispose() => _numbers?.Dispose();
}
