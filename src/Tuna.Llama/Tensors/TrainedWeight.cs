using static TorchSharp.torch;

namespace Tuna.Llama.Tensors;

/// <summary>Gradient, moments and exact value of a weight that is trained.</summary>
/// <remarks>
/// Gradients are summed in single precision. Where a step turns out to be one gradient, the next one is kept in the type that it arrives
/// in: widening it would change nothing; a weight that then needs a sum has it from the start again. The first step's wider gradients cost
/// nothing: moments are not there yet. A bf16 weight's exact value is its bits and 16 more beside them, or a master copy where the device's
/// operations cannot split it.
/// </remarks>
internal sealed class TrainedWeight : IDisposable
{
    private readonly Weight _weight;
    private readonly Operations _operations;
    private readonly Tensor? _lower;
    private readonly Tensor? _master;
    private readonly MomentPrecision _precision;
    private readonly bool _alwaysWide;
    private readonly LeafSums _leaves = new();
    private Moments? _moments;
    private bool _wide;
    private bool _summed; // since the last step, beyond a single gradient

    public TrainedWeight(Weight weight, Operations operations, MomentPrecision precision, GradientMode gradients)
    {
        using IDisposable mode = no_grad();
        _weight = weight;
        _operations = operations;
        _precision = precision;
        _wide = gradients == GradientMode.Keep;
        _alwaysWide = weight.Data.device.type == DeviceType.CPU; // a rounded gradient saves nothing worth having there
        if (weight.Data.dtype == ScalarType.Float32)
            return;
        if (operations.SplitsWeights)
            _lower = Own(zeros(weight.Data.shape, ScalarType.Int16, weight.Data.device));
        else
            _master = Own(weight.Data.to(ScalarType.Float32));
    }

    /// <summary>The weights that compute.</summary>
    public Tensor Data => _weight.Data;

    /// <summary>Whether the weights are more exact than those that compute.</summary>
    public bool HasMaster => _lower is not null || _master is not null;

    /// <summary>Counts how often weights or moments were written other than by a step.</summary>
    public long Version { get; private set; }

    /// <summary>Sum of the gradients since the last step, or null.</summary>
    public Tensor? Gradient { get; private set; }

    /// <summary>AdamW's moments, or null before the first step.</summary>
    public Moments? Moments => _moments;

    /// <summary>Adds a gradient of the weight's shape, of any type, which the caller does not change any more.</summary>
    public void Add(Tensor gradient)
    {
        using IDisposable mode = no_grad();
        if (Gradient is null && (gradient.dtype == ScalarType.Float32 || (!_wide && gradient.dtype == Data.dtype)))
            Gradient = Own(gradient.alias()); // the caller made it for this
        else if (Gradient is null)
            Gradient = Own(gradient.to(ScalarType.Float32, copy: true));
        else
            Sum().add_(gradient);
    }

    /// <summary>Adds a^T b, [N, rows] and [N, columns].</summary>
    public void AddProduct(Tensor a, Tensor b)
    {
        using IDisposable mode = no_grad();
        if (Gradient is not null || _wide && a.dtype != ScalarType.Float32)
        {
            bool alone = Gradient is null;
            AddProduct(Wide(), a, b);
            _summed |= !alone;
            return;
        }

        using Tensor transposed = a.t();
        if (b.dtype == a.dtype)
        {
            Gradient = Own(transposed.mm(b));
            return;
        }

        using Tensor same = b.to(a.dtype);
        Gradient = Own(transposed.mm(same));
    }

    /// <summary>Adds products a^T b, [N, rows] and [N, columns], one below the other; their rows are all of the weight's.</summary>
    public void AddProducts(IReadOnlyList<(Tensor A, Tensor B)> products)
    {
        if (products.Count == 1)
        {
            AddProduct(products[0].A, products[0].B);
            return;
        }

        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        ScalarType type = products[0].A.dtype;
        bool adds = Gradient is not null || (_wide && type != ScalarType.Float32);
        _summed |= adds && Gradient is not null;
        Tensor sum = adds ? Wide() : Gradient = Own(empty(Data.shape, type, Data.device));
        Tensor[] rows = sum.split([.. products.Select(p => p.A.shape[1])], 0);
        for (int i = 0; i < rows.Length; i++)
        {
            if (adds)
                AddProduct(rows[i], products[i].A, products[i].B);
            else
                rows[i].addmm_(products[i].A.t(), products[i].B.to(type), 0, 1); // beta 0: what is there is not read
        }
    }

    /// <summary>Adds a share a^T b of a sum of many: in single precision from the first on.</summary>
    public void AddShare(Tensor a, Tensor b)
    {
        using IDisposable mode = no_grad();
        AddProduct(Sum(), a, b);
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

    /// <summary>Adds gradients to rows, [n, columns], as many as ids; ids may repeat.</summary>
    public void AddRows(Tensor ids, Tensor gradient)
    {
        using IDisposable mode = no_grad();
        using Tensor wide = gradient.to(ScalarType.Float32);
        AddRows(Sum(), ids, wide, sorted: Data.device.type != DeviceType.CPU);
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

    /// <summary>The sum in single precision, zero where there was none: for what adds many small shares.</summary>
    public Tensor Sum()
    {
        _summed = true;
        return Wide();
    }

    private Tensor Wide()
    {
        _wide = true;
        if (Gradient is null)
        {
            Gradient = Own(zeros(Data.shape, ScalarType.Float32, Data.device));
        }
        else if (Gradient.dtype != ScalarType.Float32)
        {
            Tensor narrow = Gradient;
            Gradient = Own(narrow.to(ScalarType.Float32));
            narrow.Dispose();
        }

        return Gradient;
    }

    public void ClearGradient()
    {
        _leaves.Dispose();
        if (Gradient is not null)
            _wide = _alwaysWide || _summed;
        _summed = false;
        Gradient?.Dispose();
        Gradient = null;
    }

    /// <summary>Takes the accumulated gradient as the next leaf; the gradient is zero then.</summary>
    public void EndLeaf()
    {
        using IDisposable mode = no_grad();
        Tensor? leaf = Gradient is null ? null : Wide();
        Gradient = null;
        _leaves.Add(leaf);
    }

    /// <summary>Makes the sum of all leaves the accumulated gradient.</summary>
    public void TakeLeaves() => Gradient = _leaves.Take();

    /// <summary>What the exact weights are made of, as it lies in memory.</summary>
    public IEnumerable<Tensor> ExactParts()
    {
        yield return Data;
        if ((_lower ?? _master) is { } more)
            yield return more;
    }

    public Moments EnsureMoments()
    {
        using IDisposable mode = no_grad();
        return _moments ??= Moments.Of(_weight, _precision);
    }

    /// <summary>One step of AdamW on the rows of some parts.</summary>
    public void Step(long row, long rows, in AdamWNumbers numbers)
    {
        using DisposeScope scope = NewDisposeScope();
        EnsureMoments().Step(_operations, row, rows, new MovedTensors(Data, _lower, _master, Gradient), numbers);
    }

    /// <summary>The exact weights of some rows, Float32, in the caller's scope.</summary>
    public Tensor Exact(long row, long rows)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor exact = _lower is not null
            ? _operations.Join(Data.narrow(0, row, rows), _lower.narrow(0, row, rows)) : (_master ?? Data).narrow(0, row, rows);
        return scope.MoveToOuter(exact);
    }

    /// <summary>Sets some rows, from a tensor of any type and device.</summary>
    public void Assign(long row, Tensor weights)
    {
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        Version++;
        Tensor target = Data.narrow(0, row, weights.shape[0]);
        if (_lower is not null)
        {
            _operations.Split(weights.to(Data.device).to(ScalarType.Float32).contiguous(), target, _lower.narrow(0, row, weights.shape[0]));
            return;
        }

        _master?.narrow(0, row, weights.shape[0]).copy_(weights);
        target.copy_(_master?.narrow(0, row, weights.shape[0]) ?? weights);
    }

    /// <summary>Sets the moments of a part that begins at a row; null leaves one as it is.</summary>
    public void AssignMoments(long row, Tensor? first, Tensor? second)
    {
        Version++;
        EnsureMoments().Assign(row, first, second);
    }

    /// <summary>Forgets moments and gradient, as before the first step.</summary>
    public void Reset()
    {
        ClearGradient();
        Version++;
        _moments?.Dispose();
        _moments = null;
    }

    public void Dispose()
    {
        Reset();
        _lower?.Dispose();
        _master?.Dispose();
        _weight.Trained = null;
    }

    private static Tensor Own(Tensor tensor) => tensor.DetachFromDisposeScope();
}
