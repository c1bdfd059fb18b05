using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>One trainable parameter of the checkpoint: a part of a <see cref="TrainedWeight"/>.</summary>
/// <param name="name">Checkpoint name.</param>
/// <param name="parameter">The parameter.</param>
/// <param name="row">Its first row in the weight.</param>
/// <param name="weight">The weight that it is a part of.</param>
/// <param name="group">Exceptions from the step's settings, or null.</param>
internal sealed class TrainedParameter(string name, Parameter parameter, long row, TrainedWeight weight, ParameterGroup? group)
{
    public string Name { get; } = name;

    public Parameter Parameter { get; } = parameter;

    public TrainedWeight Weight { get; } = weight;

    public long Row { get; } = row;

    public long Rows { get; } = parameter.shape[0];

    public ParameterGroup? Group { get; } = group;

    /// <summary>The exact weights, Float32; the caller's scope frees it.</summary>
    public Tensor Exact() => Weight.Exact(Row, Rows);

    /// <summary>First moment, Float32, or null before the first step; the caller's scope frees it.</summary>
    public Tensor? Moment1() => Weight.Moments?.First(Row, Rows);

    /// <summary>Second moment, Float32, or null before the first step; the caller's scope frees it.</summary>
    public Tensor? Moment2() => Weight.Moments?.Second(Row, Rows);

    /// <summary>Sum of the gradients since the last step, or null when there are none; a view.</summary>
    public Tensor? Gradient() => Part(Weight.Gradient);

    /// <summary>Sets the weights, from a tensor of any type and device.</summary>
    public void Assign(Tensor weights) => Weight.Assign(Row, weights);

    /// <summary>Takes over tensors read from a file; null ones were never there, and are zero if another part of the weight has
    /// one.</summary>
    public void Restore(Tensor? exact, Tensor? moment1, Tensor? moment2, Tensor? gradient)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        if (exact is not null)
            Assign(exact);
        if (moment1 is not null || moment2 is not null)
            Weight.AssignMoments(Row, moment1, moment2);
        if (gradient is not null)
            Part(Weight.Sum())!.copy_(gradient);
    }

    private Tensor? Part(Tensor? whole) => whole?.narrow(0, Row, Rows);
}
