using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>Projections of one input as one product: their weights lie one below the other, their outputs side by side.</summary>
internal sealed class FusedLinear
{
    private readonly Weight _weight;
    private readonly Weight? _bias;
    private readonly StackedAdapters? _adapters;

    /// <param name="first">Number of its first projection in the model.</param>
    /// <param name="input">Input width.</param>
    /// <param name="outputs">Name and output width of every projection.</param>
    /// <param name="bias">Whether they have biases.</param>
    /// <param name="lora">The adapters' settings, or null for none.</param>
    /// <param name="device">Where the weights are.</param>
    /// <param name="dtype">Their type.</param>
    /// <param name="place">Where weights in 4 bits are unpacked to, or null.</param>
    public FusedLinear(int first, int input, IReadOnlyList<(string Name, int Width)> outputs, bool bias, LoraOptions? lora, Device device,
        ScalarType dtype, UnpackedPlace? place)
    {
        int[] rows = [.. outputs.Select(o => o.Width)];
        _weight = new Weight(device, dtype, rows, input, place);
        _bias = bias ? new Weight(device, dtype, rows, null) : null;
        int[] adapted = [.. Enumerable.Range(0, rows.Length).Where(p => lora?.TargetModules.Contains(outputs[p].Name) == true)];
        _adapters = adapted.Length == 0 ? null : new StackedAdapters(first, rows, adapted, input, lora!, device, dtype);
        Projections = [.. rows.Select((_, p) => Array.IndexOf(adapted, p) is >= 0 and var own
            ? new Projection(_weight, _bias, p, _adapters, own, lora) : new Projection(_weight, _bias, p, null, 0, null))];
    }

    public IReadOnlyList<Projection> Projections { get; }

    /// <summary>Everything in it that can be trained.</summary>
    public IEnumerable<Weight> Weights => new[] { _weight, _bias, _adapters?.A, _adapters?.B }.OfType<Weight>();

    /// <summary>[N, in] to [N, sum of out], plus what it is added to.</summary>
    public Tensor Run(Tensor x, Tensor? around, AdapterDropout? dropout, Operations operations)
    {
        Tensor weight = _weight.TransposedMatrix(operations), y;
        if (around is null)
        {
            y = _bias is null ? x.mm(weight) : addmm(_bias.Data, x, weight, 1, 1);
        }
        else
        {
            y = addmm(around, x, weight, 1, 1);
            if (_bias is not null)
                y.add_(_bias.Data);
        }

        _adapters?.AddTo(y, x, dropout);
        return y;
    }

    /// <summary>What the adapters make of dL/dy, which both kinds of gradient need, [N, *]; null without adapters.</summary>
    public Tensor? ReducedGradient(Tensor dy) => _adapters?.ReducedGradient(dy);

    /// <summary>Adds the weights' gradients up.</summary>
    /// <param name="x">The input, [N, in].</param>
    /// <param name="dy">dL/dy, [N, sum of out].</param>
    /// <param name="reduced">Its <see cref="ReducedGradient"/>.</param>
    /// <param name="dropout">As in forward.</param>
    public void AddGradients(Tensor x, Tensor dy, Tensor? reduced, AdapterDropout? dropout)
    {
        _weight.Trained?.AddProduct(dy, x);
        if (_bias?.Trained is { } bias)
        {
            using Tensor sum = dy.sum(dim: 0, type: ScalarType.Float32);
            bias.Add(sum);
        }

        _adapters?.AddGradients(x, dy, reduced!, dropout);
    }

    /// <summary>dL/dx, [N, in], from dL/dy, [N, sum of out].</summary>
    public Tensor InputGradient(Tensor dy, Tensor? reduced, AdapterDropout? dropout, Operations operations)
    {
        Tensor dx = dy.mm(_weight.Matrix(operations));
        _adapters?.AddInputGradient(reduced!, dx, dropout);
        return dx;
    }
}
