using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Training;

/// <summary>One trainable parameter with its single-precision master weights, moments and accumulated gradient.</summary>
internal sealed class TrainedParameter : IDisposable
{
    public TrainedParameter(string name, Parameter parameter, ParameterGroup? group)
    {
        Name = name;
        Parameter = parameter;
        Group = group;
        // In single precision the parameter is its own master.
        Master = parameter.dtype == ScalarType.Float32 ? parameter : Own(parameter.detach().to(ScalarType.Float32));
    }

    public string Name { get; }

    public Parameter Parameter { get; }

    public ParameterGroup? Group { get; }

    /// <summary>The weights that the optimizer moves, Float32.</summary>
    public Tensor Master { get; }

    /// <summary>First moment, Float32, or null before the first step.</summary>
    public Tensor? Moment1 { get; private set; }

    /// <summary>Second moment, Float32, or null before the first step.</summary>
    public Tensor? Moment2 { get; private set; }

    /// <summary>Sum of the gradients since the last step, Float32, or null when there are none.</summary>
    public Tensor? Gradient { get; private set; }

    public bool HasMasterOfItsOwn => !ReferenceEquals(Master, Parameter);

    /// <summary>Adds a gradient of the parameter's shape, of any type.</summary>
    public void Accumulate(Tensor gradient)
    {
        using IDisposable mode = no_grad();
        if (Gradient is not null)
            Gradient.add_(gradient);
        else
            Gradient = Own(gradient.detach().to(ScalarType.Float32, copy: true));
    }

    /// <summary>Adds a^T b, [u, V] and [u, D], in place where the types allow it.</summary>
    public void AccumulateProduct(Tensor a, Tensor b)
    {
        using IDisposable mode = no_grad();
        Gradient ??= Own(zeros(Parameter.shape, ScalarType.Float32, Parameter.device));
        AddProduct(Gradient, a, b);
    }

    /// <summary>Adds a^T b to a Float32 sum.</summary>
    public static void AddProduct(Tensor sum, Tensor a, Tensor b)
    {
        using Tensor transposed = a.t();
        if (a.dtype == ScalarType.Float32)
        {
            using Tensor wide = b.to(ScalarType.Float32);
            sum.addmm_(transposed, wide);
            return;
        }

        using Tensor product = transposed.matmul(b);
        sum.add_(product);
    }

    /// <summary>Adds gradients to rows, [n, D], as many as ids; ids may repeat.</summary>
    public void AccumulateRows(Tensor ids, Tensor gradient)
    {
        using IDisposable mode = no_grad();
        Gradient ??= Own(zeros(Parameter.shape, ScalarType.Float32, Parameter.device));
        using Tensor wide = gradient.to(ScalarType.Float32);
        AddRows(Gradient, ids, wide, sorted: Parameter.device.type != TorchSharp.DeviceType.CPU);
    }

    /// <summary>Adds rows to a sum, in an order that does not change from run to run.</summary>
    /// <param name="sum">[V, D].</param>
    /// <param name="ids">Where each row goes, Int64, [n].</param>
    /// <param name="rows">[n, D].</param>
    /// <param name="sorted">index_add_ is in order on the CPU; on a GPU its atomics are not, and index_put_, which sorts, is.</param>
    internal static void AddRows(Tensor sum, Tensor ids, Tensor rows, bool sorted)
    {
        if (sorted)
            sum.index_put_(rows, [TensorIndex.Tensor(ids)], accumulate: true);
        else
            sum.index_add_(0, ids, rows, 1);
    }

    public void ClearGradient()
    {
        Gradient?.Dispose();
        Gradient = null;
    }

    public void EnsureMoments()
    {
        Moment1 ??= Own(zeros(Parameter.shape, ScalarType.Float32, Parameter.device));
        Moment2 ??= Own(zeros(Parameter.shape, ScalarType.Float32, Parameter.device));
    }

    /// <summary>Forgets moments and gradient, as before the first step.</summary>
    public void Reset()
    {
        ClearGradient();
        Moment1?.Dispose();
        Moment2?.Dispose();
        Moment1 = Moment2 = null;
    }

    /// <summary>Takes over a tensor read from a file.</summary>
    public void Restore(Tensor? master, Tensor? moment1, Tensor? moment2, Tensor? gradient)
    {
        using IDisposable mode = no_grad();
        Reset();
        if (master is not null)
            Assign(master);
        Moment1 = OnDevice(moment1);
        Moment2 = OnDevice(moment2);
        Gradient = OnDevice(gradient);

        Tensor? OnDevice(Tensor? t) => t is null ? null : Own(t.to(Parameter.device, copy: true));
    }

    /// <summary>Sets the weights, from a tensor of any type and device.</summary>
    public void Assign(Tensor weights)
    {
        using IDisposable mode = no_grad();
        Master.copy_(weights);
        PublishMaster();
    }

    /// <summary>Rounds the master weights to the type that the model computes in.</summary>
    public void PublishMaster()
    {
        if (!HasMasterOfItsOwn)
            return;
        using IDisposable mode = no_grad();
        Parameter.copy_(Master);
    }

    public void Dispose()
    {
        Reset();
        if (HasMasterOfItsOwn)
            Master.Dispose();
    }

    private static Tensor Own(Tensor tensor) => tensor.DetachFromDisposeScope();
}
