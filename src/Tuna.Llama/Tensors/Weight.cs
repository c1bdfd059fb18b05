using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>One tensor of weights in memory that computes as a whole, and the checkpoint's parameters that lie in it one below the other: q, k and v are one product.</summary>
internal sealed class Weight
{
    private readonly List<(Parameter Parameter, long Row)> _parts = [];

    /// <summary>Creates uninitialized weights.</summary>
    /// <param name="device">Where.</param>
    /// <param name="dtype">Their type.</param>
    /// <param name="rows">Rows of each part.</param>
    /// <param name="columns">Columns; null for a vector.</param>
    public Weight(Device device, ScalarType dtype, IReadOnlyList<int> rows, int? columns)
    {
        using IDisposable mode = no_grad();
        long all = rows.Sum(r => (long)r);
        long[] shape = columns is { } c ? [all, c] : [all];
        Data = empty(shape, dtype, device).DetachFromDisposeScope();
        long row = 0;
        foreach (int count in rows)
        {
            var parameter = new Parameter(Data.narrow(0, row, count));
            parameter.DetachFromDisposeScope();
            _parts.Add((parameter, row));
            row += count;
        }
    }

    /// <summary>All of it, [rows, columns] or [rows]; not a parameter, and never seen by autograd.</summary>
    public Tensor Data { get; }

    /// <summary>The parameters, views of <see cref="Data"/>, with their first rows.</summary>
    public IReadOnlyList<(Parameter Parameter, long Row)> Parts => _parts;

    /// <summary>Gradient and optimizer state while it is trained; null when it is frozen.</summary>
    public TrainedWeight? Trained { get; set; }

    public bool Contains(Parameter parameter) => _parts.Exists(p => ReferenceEquals(p.Parameter, parameter));
}
