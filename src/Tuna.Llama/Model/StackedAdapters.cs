using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>
/// The low-rank adapters of projections of one input: y_i += s (dropout_i(x) A_i^T) B_i^T, s = alpha / r (LoRA, Hu et al., arXiv
/// 2106.09685).
/// Their A lie one below the other, so that without dropout the input meets all of them in one product; and so do their B, which move
/// as one weight.
/// </summary>
/// <remarks>Letters: N rows, P adapted projections, r rank. What is scaled is of the width of the rank, never of the output.</remarks>
internal sealed class StackedAdapters
{
    private readonly long[] _widths;  // output widths of all projections, of which some have no adapter
    private readonly int[] _places;   // of the adapted ones among them, [P]
    private readonly int _first;      // number of the first projection in the model, which seeds its dropout
    private readonly int _rank;
    private readonly float _scaling;

    /// <param name="first">Number of the first projection in the model.</param>
    /// <param name="widths">Output widths of all projections.</param>
    /// <param name="places">Which of them have an adapter; at least one.</param>
    /// <param name="input">Input width.</param>
    /// <param name="lora">The settings.</param>
    /// <param name="device">Where they are.</param>
    /// <param name="dtype">Their type.</param>
    public StackedAdapters(int first, int[] widths, int[] places, int input, LoraOptions lora, Device device, ScalarType dtype)
    {
        (_first, _places, _rank, _scaling) = (first, places, lora.Rank, (float)(lora.Alpha / lora.Rank));
        _widths = Array.ConvertAll(widths, w => (long)w);
        A = new Weight(device, dtype, Array.ConvertAll(places, _ => lora.Rank), input);
        B = new Weight(device, dtype, Array.ConvertAll(places, p => widths[p]), lora.Rank);
    }

    /// <summary>All A, [P r, in].</summary>
    public Weight A { get; }

    /// <summary>All B, [sum of the adapted outputs, r].</summary>
    public Weight B { get; }

    /// <summary>Adds the adapters' share to the output in place, [N, sum of out].</summary>
    public void AddTo(Tensor y, Tensor x, AdapterDropout? dropout)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] reduced = Reduced(x, dropout), own = Own(y);
        for (int i = 0; i < own.Length; i++)
            own[i].addmm_(reduced[i], B.TransposedPieces[i], 1, _scaling);
    }

    /// <summary>dL/d(what A gives), scaled: s dy_i B_i side by side, [N, P r], which both kinds of gradient need.</summary>
    public Tensor ReducedGradient(Tensor dy)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor result = scope.MoveToOuter(empty([dy.shape[0], A.Data.shape[0]], dy.dtype, dy.device));
        Tensor[] up = Own(dy), parts = Columns(result);
        for (int i = 0; i < parts.Length; i++)
            parts[i].addmm_(up[i], B.Pieces[i], 0, _scaling); // beta 0: what is there is not read
        return result;
    }

    /// <summary>Adds the adapters' gradients up.</summary>
    /// <param name="x">The input, [N, in].</param>
    /// <param name="dy">dL/dy, [N, sum of out].</param>
    /// <param name="du">Its <see cref="ReducedGradient"/>.</param>
    /// <param name="dropout">As in forward.</param>
    public void AddGradients(Tensor x, Tensor dy, Tensor du, AdapterDropout? dropout)
    {
        using DisposeScope scope = NewDisposeScope();
        if (B.Trained is { } b)
        {
            Tensor[] reduced = Reduced(x, dropout, _scaling), up = Own(dy);
            b.AddProducts([.. up.Zip(reduced)]);
        }

        if (A.Trained is not { } a)
            return;
        if (dropout is null)
            a.AddProduct(du, x);
        else
            a.AddProducts([.. Columns(du).Select((part, i) => (part, dropout.Apply(x, _first + _places[i])))]);
    }

    /// <summary>Adds the adapters' share of dL/dx to the sum in place, [N, in].</summary>
    public void AddInputGradient(Tensor du, Tensor dx, AdapterDropout? dropout)
    {
        using DisposeScope scope = NewDisposeScope();
        if (dropout is null)
        {
            dx.addmm_(du, A.Data, 1, 1);
            return;
        }

        Tensor[] parts = Columns(du);
        for (int i = 0; i < parts.Length; i++)
            dx.add_(dropout.Apply(parts[i].mm(A.Pieces[i]), _first + _places[i]));
    }

    /// <summary>x A_i^T of each, [N, r].</summary>
    private Tensor[] Reduced(Tensor x, AdapterDropout? dropout, float scale = 1)
    {
        if (dropout is null)
        {
            Tensor all = x.mm(A.Transposed);
            return Columns(Scaled(all, scale));
        }

        return [.. A.TransposedPieces.Select((a, i) => Scaled(dropout.Apply(x, _first + _places[i]).mm(a), scale))];
    }

    /// <summary>The adapted projections' columns of all projections' outputs.</summary>
    private Tensor[] Own(Tensor y)
    {
        if (_widths.Length == 1)
            return [y];
        Tensor[] all = y.split(_widths, 1);
        return Array.ConvertAll(_places, p => all[p]);
    }

    private Tensor[] Columns(Tensor reduced) => _places.Length == 1 ? [reduced] : reduced.split(_rank, 1);

    private static Tensor Scaled(Tensor own, float scale) => scale == 1 ? own : own.mul_(scale);
}
