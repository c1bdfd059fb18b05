using System.Globalization;
using Tuna.Distributed;
using Tuna.Llama.Distributed;
using Tuna.Llama.Tensors;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Passes;

/// <summary>This process's copy of the model among those of a group: sums gradients, and where the optimizer is sharded moves its weights
/// and receives the others.</summary>
/// <remarks>A weight is one process's as a whole: the largest are dealt first, each to whoever has least. Moments are sharded; exact
/// weights are everywhere, so that any process can save the model.</remarks>
internal sealed class Copies : IDisposable
{
    private readonly TrainingParameters _parameters;
    private readonly ITensorExchange _exchange;
    private readonly FlatBuffer _flat;
    private readonly Dictionary<TrainedWeight, int> _owners = [];

    public Copies(IProcessGroup group, bool sharded, TrainingParameters parameters, ITensorExchange exchange)
    {
        Group = group;
        IsSharded = sharded && group.Size > 1;
        _parameters = parameters;
        _exchange = exchange;
        _flat = new FlatBuffer(group.Size, group.Rank, exchange);
        long[] load = new long[group.Size];
        foreach (TrainedWeight weight in parameters.Weights.OrderByDescending(w => w.Data.numel()))
        {
            int least = IsSharded ? Array.IndexOf(load, load.Min()) : group.Rank;
            _owners[weight] = least;
            load[least] += weight.Data.numel();
        }
    }

    public IProcessGroup Group { get; }

    public bool IsSharded { get; }

    /// <summary>Whether sharded moments exist: a process may have none of its own.</summary>
    public bool HasMoments { get; set; }

    /// <summary>Whether this process moves a weight.</summary>
    public bool IsOwn(TrainedWeight weight) => _owners[weight] == Group.Rank;

    /// <summary>Sums the leaves of all processes.</summary>
    public void SumLeaves()
    {
        using IDisposable mode = no_grad();
        foreach (TrainedWeight weight in _parameters.Weights)
        {
            weight.TakeLeaves();
            // zeros where there was none: others may have more, and adding them is a step that decides a zero's sign
            Tensor gradient = weight.Sum();
            if (Group.Size > 1 && !IsSharded)
                _exchange.Sum(gradient);
        }

        if (!IsSharded)
            return;
        _flat.ReduceScatter([.. _parameters.Weights.Select(w => (w.Gradient!, _owners[w]))]);
        foreach (TrainedWeight weight in _parameters.Weights.Where(w => !IsOwn(w)))
            weight.ClearGradient();
    }

    /// <summary>Global L2 norm of the sums. The weights' shares are added in their order, whoever has computed them.</summary>
    public double GradientNorm()
    {
        using IDisposable mode = no_grad();
        double[] mine = _parameters.Operations.SumsOfSquares([.. _parameters.Weights.Select(w => IsOwn(w) ? w.Gradient : null)]);
        if (IsSharded)
        {
            double[] all = new double[mine.Length * Group.Size];
            Group.AllGather(mine, all);
            for (int w = 0; w < mine.Length; w++)
                mine[w] = all[(_owners[_parameters.Weights[w]] * mine.Length) + w];
        }

        double sum = 0;
        foreach (double squares in mine)
            sum += squares;
        return Math.Sqrt(sum);
    }

    /// <summary>What a step is refused with, the same on all processes: where they look at weights of their own, that of the first
    /// parameter.</summary>
    /// <param name="own">What this process refuses; null when nothing.</param>
    public NonFiniteStepException? Agreed(NonFiniteStepException? own)
    {
        if (!IsSharded)
            return own;
        double place = own is null ? double.PositiveInfinity : _parameters.List.TakeWhile(p => p.Name != own.Parameter).Count();
        double[] all = Group.AllGather(place);
        int first = Array.IndexOf(all, all.Min());
        if (double.IsPositiveInfinity(all[first]))
            return null;
        string words = Group.BroadcastText(first == Group.Rank
            ? string.Create(CultureInfo.InvariantCulture, $"{own!.Parameter}\n{own.Element}\n{own.Why}") : null, first);
        string[] parts = words.Split('\n', 3);
        return new(parts[0].Length == 0 ? null : parts[0], long.Parse(parts[1], CultureInfo.InvariantCulture), parts[2]);
    }

    /// <summary>Gives every process the weights that the others have moved.</summary>
    public void GatherWeights()
    {
        HasMoments = true;
        if (!IsSharded)
            return;
        // The weights that compute, and what makes them exact, are of types of their own.
        foreach (var parts in _parameters.Weights.SelectMany(w => w.ExactParts().Select(part => (Values: part, Owner: _owners[w])))
            .GroupBy(p => p.Values.dtype))
            _flat.AllGather([.. parts]);
    }

    /// <summary>A parameter's moment, from whoever keeps it. Collective where sharded; Float32, in the caller's scope.</summary>
    /// <param name="parameter">The parameter.</param>
    /// <param name="moment">Reads it where it is.</param>
    public Tensor? Collect(TrainedParameter parameter, Func<TrainedParameter, Tensor?> moment)
    {
        if (!IsSharded)
            return moment(parameter);
        using IDisposable mode = no_grad();
        Tensor values = IsOwn(parameter.Weight) && moment(parameter) is { } own
            ? own.to(ScalarType.Float32).contiguous()
            : zeros(parameter.Parameter.shape, ScalarType.Float32, parameter.Parameter.device);
        _exchange.Broadcast(values, _owners[parameter.Weight]);
        return values;
    }

    public void Dispose() => _exchange.Dispose();
}
