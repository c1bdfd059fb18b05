using Tuna.Llama.Model;
using Tuna.Llama.Tensors;

namespace Tuna.Llama.Passes;

/// <summary>The parameters that are trained.</summary>
internal sealed class TrainingParameters : IDisposable
{
    private readonly List<TrainedWeight> _weights = [];
    private LlamaPass? _open;

    public TrainingParameters(LlamaBackbone model, LlamaPolicyOptions options)
    {
        Operations = model.Parts.Operations;
        var names = model.named_parameters().ToDictionary(p => p.parameter.Handle, p => p.name);
        var list = new List<TrainedParameter>();
        foreach (Weight weight in model.Weights.Where(w => w.Parts[0].Parameter.requires_grad))
        {
            var trained = new TrainedWeight(weight, Operations, options.Moments, options.Gradients);
            weight.Trained = trained;
            _weights.Add(trained);
            foreach (WeightPart part in weight.Parts)
            {
                string name = names[part.Parameter.Handle];
                list.Add(new TrainedParameter(name, part.Parameter, part.Row, trained,
                    options.ParameterGroups.FirstOrDefault(g => g.Accepts(name))));
            }
        }

        List = list;
        Guard = new UpdateGuard(this);
        var below = new HashSet<Weight>([model.EmbeddingWeight, .. model.Layers.SelectMany(l => l.Weights())]);
        AboveLayers = [.. model.Weights.Where(w => !below.Contains(w))];
        LowestLayer = model.EmbeddingWeight.Trained is not null ? -1 :
            Enumerable.Range(0, model.Layers.Count)
                .FirstOrDefault(l => model.Layers[l].Weights().Any(w => w.Trained is not null), model.Layers.Count);
    }

    /// <summary>All of them.</summary>
    public IReadOnlyList<TrainedParameter> List { get; }

    /// <summary>The weights that they are parts of.</summary>
    public IReadOnlyList<TrainedWeight> Weights => _weights;

    /// <summary>The last norm and the head, where that is not the embedding: their gradients are known before any layer's.</summary>
    public IReadOnlyList<Weight> AboveLayers { get; }

    /// <summary>Keeps steps away that would leave what is not finite.</summary>
    public UpdateGuard Guard { get; }

    /// <summary>How they are moved.</summary>
    public Operations Operations { get; }

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

    /// <summary>Frees the open pass, if there is one.</summary>
    public void ClosePass() => _open?.Dispose();

    /// <summary>Leaves the open pass to the caller.</summary>
    public void Release() => _open = null;

    public void PassClosed(LlamaPass pass)
    {
        if (ReferenceEquals(_open, pass))
            _open = null;
    }

    public void ClearGradients() => _weights.ForEach(w => w.ClearGradient());

    public void Dispose()
    {
        _open?.Dispose();
        Guard.Dispose();
        _weights.ForEach(w => w.Dispose());
    }
}
