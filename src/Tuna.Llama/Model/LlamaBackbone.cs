using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Batches;
using Tuna.Llama.Heads;
using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using Tuna.Policies;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>The body of a LLaMA (embedding, decoder layers, last norm), on which <see cref="LlamaModel"/> and <see cref="LlamaScorer"/> put
/// their heads.</summary>
/// <remarks>
/// Every weight is a <see cref="Parameter"/> under the checkpoint's name, so <c>named_parameters()</c> lists exactly the tensors of the
/// Hugging Face checkpoint (and <c>lora_A</c>, <c>lora_B</c> when there are adapters).
/// </remarks>
public abstract class LlamaBackbone : nn.Module<Tensor, Tensor>
{
    private readonly Trunk _trunk;
    private readonly UnpackedPlace? _place;
    private ModelParts? _parts;

    private protected LlamaBackbone(string name, LlamaConfig config, Device device, ScalarType dtype, LoraOptions? lora,
        WeightPrecision baseWeights)
        : base(name)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(device);
        if (dtype is not (ScalarType.Float32 or ScalarType.BFloat16))
            throw new ArgumentOutOfRangeException(nameof(dtype), dtype, "Models compute in Float32 or BFloat16.");
        Config = config.Validate();
        lora?.Validate();
        Lora = lora;
        Device = device;
        DType = dtype;
        _place = baseWeights == WeightPrecision.Nf4 ? new UnpackedPlace(device, dtype) : null;
        _trunk = new Trunk(config, Lora, device, dtype, _place);
        register_module("model", _trunk);
    }

    /// <summary>The architecture.</summary>
    public LlamaConfig Config { get; }

    /// <summary>The adapters' settings, or null when there are none.</summary>
    public LoraOptions? Lora { get; }

    /// <summary>Where the weights are.</summary>
    public Device Device { get; }

    /// <summary>The type that the model computes in.</summary>
    public ScalarType DType { get; }

    /// <summary>Input embedding, [V, D].</summary>
    internal Parameter Embedding => EmbeddingWeight.Parts[0].Parameter;

    internal Weight EmbeddingWeight => _trunk.Embedding;

    /// <summary>Whether kernels of our own may be compiled for it; set before its first use.</summary>
    internal bool UsesKernels { get; init; } = true;

    /// <summary>How the engine runs it.</summary>
    internal ModelParts Parts
    {
        get => _parts ??= new ModelParts(Config, Device, DType, UsesKernels);
        set => _parts = value;
    }

    /// <summary>All weights as they lie in memory: the embedding, the layers', the last norm, and the head's where it has one of its
    /// own.</summary>
    internal virtual IEnumerable<Weight> Weights => [EmbeddingWeight, .. Layers.SelectMany(l => l.Weights()), Norm.Weight];

    internal IReadOnlyList<DecoderLayer> Layers => _trunk.Layers;

    internal RmsNorm Norm => _trunk.Norm;

    /// <summary>What makes a number of each response.</summary>
    internal abstract IResponseHead ResponseHead { get; }

    /// <summary>Whether a parameter is trained when there are adapters.</summary>
    internal virtual bool TrainsBesideTheBase(string name) => LoraNames.IsAdapter(name);

    /// <summary>The parameters under their names, in the order of <c>named_parameters()</c>, with the weights that they are parts
    /// of.</summary>
    internal IEnumerable<(string Name, Weight Weight, WeightPart Part)> NamedParts()
    {
        Dictionary<nint, (Weight Weight, WeightPart Part)> places = Weights.SelectMany(w => w.Parts.Select(p => (w, p)))
            .ToDictionary(p => p.p.Parameter.Handle);
        return named_parameters().Select(p => (p.name, places[p.parameter.Handle].Weight, places[p.parameter.Handle].Part));
    }

    /// <summary>With adapters, freezes the rest; called when all parameters are there.</summary>
    private protected void FreezeBase()
    {
        if (Lora is null)
            return;
        foreach ((string name, Parameter parameter) in named_parameters())
            parameter.requires_grad = TrainsBesideTheBase(name);
    }

    /// <summary>Normalized hidden states of independent sequences.</summary>
    /// <param name="input">Token ids, [B, T], Int64 or Int32.</param>
    /// <returns>[B T, D].</returns>
    /// <exception cref="ArgumentException">The ids are not [B, T], are outside the vocabulary, or T exceeds the context.</exception>
    private protected Tensor Hidden(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() != 2 || input.numel() == 0 || input.dtype is not (ScalarType.Int64 or ScalarType.Int32))
            throw new ArgumentException($"The token ids are {input.dtype} [{string.Join(", ", input.shape)}]; expected Int64 [B, T].",
                nameof(input));
        (int b, int t) = ((int)input.shape[0], (int)input.shape[1]);
        if (t > Config.ContextLength)
            throw new ArgumentException($"{t} tokens exceed the model's context of {Config.ContextLength}.", nameof(input));
        using DisposeScope scope = NewDisposeScope();
        int[] ids = input.to(ScalarType.Int32).cpu().contiguous().data<int>().ToArray();
        for (int i = 0; i < b; i++)
            PolicyInfo.CheckTokens(ids.AsSpan(i * t, t), Config.VocabularySize, $"row {i}", nameof(input));
        PackedBatch batch = PackedBatch.OfPrompts(Enumerable.Range(0, b).Select(i => (ReadOnlyMemory<int>)ids.AsMemory(i * t, t)));
        using Rotary angles = Rotary.Of(Parts.Rotation, batch.Positions, Device, DType, Parts.Operations.Link);
        using var attention = new RecordedAttention(batch, Parts.Shape, angles, Device, Parts.Operations.Link);
        Tensor x = Embedding.index_select(0, Parts.Operations.Link.WriteIndices(batch.Tokens, Device));
        foreach (DecoderLayer layer in Layers)
            x = layer.Forward(x, attention);
        return scope.MoveToOuter(Norm.Forward(x));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            // The parameters are views of these, and freed by TorchSharp.
            foreach (Weight weight in Weights)
                weight.Free();
            _place?.Dispose();
            _parts?.Dispose();
        }

        base.Dispose(disposing);
    }

    private sealed class Trunk : LlamaModule
    {
        public Trunk(LlamaConfig config, LoraOptions? lora, Device device, ScalarType dtype, UnpackedPlace? place)
            : base("model")
        {
            Embedding = Add("embed_tokens", new Table(config.VocabularySize, config.HiddenSize, device, dtype)).Whole;
            Layers = [.. Enumerable.Range(0, config.LayerCount).Select(l => new DecoderLayer(l, config, lora, device, dtype, place))];
            var list = new LayerList();
            foreach ((DecoderLayer layer, int l) in Layers.Select((layer, l) => (layer, l)))
                list.Append(l, layer);
            Add("layers", list);
            Norm = Add("norm", new RmsNorm(config.HiddenSize, config.RmsNormEpsilon, device, dtype));
        }

        public Weight Embedding { get; }

        public IReadOnlyList<DecoderLayer> Layers { get; }

        public RmsNorm Norm { get; }
    }

    private sealed class LayerList() : LlamaModule("layers")
    {
        public void Append(int index, DecoderLayer layer) => Add(index.ToString(System.Globalization.CultureInfo.InvariantCulture), layer);
    }

    /// <summary>A [rows, D] table: the embedding, or a head.</summary>
    private protected sealed class Table : LlamaModule
    {
        public Table(int rows, int width, Device device, ScalarType dtype)
            : base("table")
        {
            Whole = new Weight(device, dtype, [rows], width);
            Add("weight", Whole);
        }

        public Weight Whole { get; }
    }
}
