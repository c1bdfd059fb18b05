using TorchSharp.Modules;

namespace Tuna.Llama.Training;

/// <summary>The parameters that are trained, by where they are in the model.</summary>
internal sealed class TrainingParameters : IDisposable
{
    private LlamaPass? _open;

    public TrainingParameters(LlamaBackbone model, IReadOnlyList<ParameterGroup> groups)
    {
        var all = new List<TrainedParameter>();
        Layers = [.. model.Layers.Select((_, l) => All(all, model, $"model.layers.{l}.", groups))];
        Norm = All(all, model, "model.norm.", groups);
        Embedding = All(all, model, "model.embed_tokens.", groups).FirstOrDefault();
        string head = model.ResponseHead.Name;
        Head = Embedding is { } tied && tied.Name == head ? tied : All(all, model, head, groups).FirstOrDefault();
        List = all;
        LowestLayer = Embedding is not null ? -1 : Enumerable.Range(0, Layers.Count).FirstOrDefault(l => Layers[l].Count > 0, Layers.Count);
    }

    /// <summary>All of them.</summary>
    public IReadOnlyList<TrainedParameter> List { get; }

    /// <summary>Those of each layer.</summary>
    public IReadOnlyList<IReadOnlyList<TrainedParameter>> Layers { get; }

    /// <summary>That of the last norm; empty when frozen.</summary>
    public IReadOnlyList<TrainedParameter> Norm { get; }

    /// <summary>The input embedding, or null when frozen.</summary>
    public TrainedParameter? Embedding { get; }

    /// <summary>The head's weight (the embedding when tied), or null when frozen.</summary>
    public TrainedParameter? Head { get; }

    /// <summary>The lowest layer that needs a gradient; -1 when the embedding does.</summary>
    public int LowestLayer { get; }

    public void OpenPass(Func<LlamaPass> create)
    {
        ThrowIfPassOpen();
        _open = create();
    }

    /// <summary>Weights and gradients stay as they are while a pass needs them.</summary>
    public void ThrowIfPassOpen()
    {
        if (_open is not null)
            throw new InvalidOperationException("A pass is open; dispose it first.");
    }

    public LlamaPass Pass => _open!;

    public void PassClosed(LlamaPass pass)
    {
        if (ReferenceEquals(_open, pass))
            _open = null;
    }

    public void Dispose()
    {
        _open?.Dispose();
        foreach (TrainedParameter parameter in List)
            parameter.Dispose();
    }

    private static List<TrainedParameter> All(List<TrainedParameter> all, LlamaBackbone model, string prefix, IReadOnlyList<ParameterGroup> groups)
    {
        var found = new List<TrainedParameter>();
        foreach ((string name, Parameter parameter) in model.named_parameters())
        {
            if (name.StartsWith(prefix, StringComparison.Ordinal) && parameter.requires_grad)
                found.Add(new TrainedParameter(name, parameter, groups.FirstOrDefault(g => g.Accepts(name))));
        }

        all.AddRange(found);
        return found;
    }
}
