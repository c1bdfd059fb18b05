using System.Runtime.InteropServices;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Memory;

namespace Tuna.Llama.Managed.Model;

/// <summary>Where a parameter lies in the flat buffers.</summary>
/// <param name="Name">Hugging Face name.</param>
/// <param name="Shape">Dimensions, row-major.</param>
/// <param name="Offset">First element.</param>
/// <param name="Length">Number of elements.</param>
internal sealed record ParameterSlot(string Name, IReadOnlyList<long> Shape, long Offset, int Length);

/// <summary>Offsets of a layer's parameters; -1 for one that the model does not have. Query, key and value weights follow one another, and
/// so do gate and up: each is one matrix, and their biases are one row.</summary>
internal readonly record struct LayerSlots
{
    public required long InputNorm { get; init; }

    public required long Qkv { get; init; }

    public required long QkvBias { get; init; }

    public required long QueryNorm { get; init; }

    public required long KeyNorm { get; init; }

    public required long Output { get; init; }

    public required long OutputBias { get; init; }

    public required long PostNorm { get; init; }

    public required long GateUp { get; init; }

    public required long GateUpBias { get; init; }

    public required long Down { get; init; }

    public required long DownBias { get; init; }
}

/// <summary>All parameters in one flat block, with blocks of the same layout for the gradient and AdamW's moments once training needs
/// them.</summary>
internal sealed unsafe class LlamaParameters : IDisposable
{
    private readonly NativeBuffer _weights = new(), _first = new(), _second = new();
    private NativeBuffer _gradient = new();
    private long _version;

    /// <summary>Lays the parameters out; the weights are not set yet.</summary>
    /// <param name="config">The model.</param>
    public LlamaParameters(LlamaConfig config)
    {
        var slots = new List<ParameterSlot>();
        // Of a product that several are one of, the weights come first, then the biases; without biases that is the model's own order.
        foreach (ParameterShape p in config.Parameters().GroupBy(p => Product(p.Name)).SelectMany(g => g))
            Add(p);
        Slots = slots;
        Layers = new LayerSlots[config.LayerCount];
        for (int l = 0; l < Layers.Length; l++)
        {
            string prefix = $"model.layers.{l}.";
            Layers[l] = new LayerSlots
            {
                InputNorm = Offset(prefix + "input_layernorm.weight"),
                Qkv = Offset(prefix + "self_attn.q_proj.weight"),
                QkvBias = OffsetOrNone(prefix + "self_attn.q_proj.bias"),
                QueryNorm = OffsetOrNone(prefix + "self_attn.q_norm.weight"),
                KeyNorm = OffsetOrNone(prefix + "self_attn.k_norm.weight"),
                Output = Offset(prefix + "self_attn.o_proj.weight"),
                OutputBias = OffsetOrNone(prefix + "self_attn.o_proj.bias"),
                PostNorm = Offset(prefix + "post_attention_layernorm.weight"),
                GateUp = Offset(prefix + "mlp.gate_proj.weight"),
                GateUpBias = OffsetOrNone(prefix + "mlp.gate_proj.bias"),
                Down = Offset(prefix + "mlp.down_proj.weight"),
                DownBias = OffsetOrNone(prefix + "mlp.down_proj.bias"),
            };
        }

        Embedding = Offset("model.embed_tokens.weight");
        FinalNorm = Offset("model.norm.weight");
        OutputEmbedding = config.TieWordEmbeddings || config.ScalarHead ? Embedding : Offset("lm_head.weight");
        MomentCount = Count;
        _weights.Ensure(Count);

        void Add(ParameterShape p)
        {
            if (p.ElementCount > Array.MaxLength)
                throw new InvalidDataException($"Parameter {p} has {p.ElementCount} elements; at most {Array.MaxLength} are supported.");
            slots.Add(new ParameterSlot(p.Name, p.Shape, Count, (int)p.ElementCount));
            Count += p.ElementCount;
        }
    }

    /// <summary>Number of parameters.</summary>
    public long Count { get; private set; }

    /// <summary>All parameters, in the order of the flat blocks.</summary>
    public IReadOnlyList<ParameterSlot> Slots { get; }

    public LayerSlots[] Layers { get; }

    /// <summary>Offset of the input embedding, [V, D].</summary>
    public long Embedding { get; }

    /// <summary>Offset of the output embedding, [V, D]; the input's when they are tied.</summary>
    public long OutputEmbedding { get; }

    /// <summary>Offset of the last norm's weight, [D].</summary>
    public long FinalNorm { get; }

    /// <summary>The weights, for reading: who writes takes <see cref="WritableWeights"/>.</summary>
    public float* Weights => _weights.Pointer;

    /// <summary>The weights, for writing. Taking it moves <see cref="Version"/> on; it is not kept beyond the change.</summary>
    public float* WritableWeights
    {
        get
        {
            Interlocked.Increment(ref _version);
            return _weights.Pointer;
        }
    }

    /// <summary>Changes with the weights: what is made from them is up to date as long as this is the same.</summary>
    public long Version => Interlocked.Read(ref _version);

    /// <summary>Memory of the gradient, null before <see cref="EnsureGradient"/>; what it holds means nothing while
    /// <see cref="GradientIsZero"/>.</summary>
    public float* Gradient => _gradient.Pointer;

    /// <summary>Whether nothing has been accumulated since the last step. Then backward overwrites the gradient, and until then its memory
    /// is free for other things.</summary>
    public bool GradientIsZero { get; private set; } = true;

    /// <summary>Moves on with every pass that adds to the gradient, so that its norm need not be computed twice.</summary>
    public long GradientVersion { get; private set; }

    /// <summary>AdamW's first moments; null before <see cref="EnsureMoments"/>.</summary>
    public float* First => _first.Pointer;

    /// <summary>AdamW's second moments; null before <see cref="EnsureMoments"/>.</summary>
    public float* Second => _second.Pointer;

    public ReadOnlySpan<float> WeightsOf(ParameterSlot slot) => new(Weights + slot.Offset, slot.Length);

    /// <summary>A parameter's weights, for writing, as <see cref="WritableWeights"/>. Several threads may write different
    /// parameters.</summary>
    public Span<float> WritableWeightsOf(ParameterSlot slot) => new(WritableWeights + slot.Offset, slot.Length);

    /// <summary>A parameter's accumulated gradient.</summary>
    public Span<float> GradientOf(ParameterSlot slot) => new(AccumulatedGradient() + slot.Offset, slot.Length);

    public Span<float> FirstOf(ParameterSlot slot) => new(First + slot.Offset, slot.Length);

    public Span<float> SecondOf(ParameterSlot slot) => new(Second + slot.Offset, slot.Length);

    /// <summary>Offset of a parameter.</summary>
    public long Offset(string name) =>
        OffsetOrNone(name) is >= 0 and var offset ? offset : throw new InvalidDataException($"There is no parameter '{name}'.");

    private long OffsetOrNone(string name)
    {
        foreach (ParameterSlot slot in Slots)
        {
            if (slot.Name == name)
                return slot.Offset;
        }

        return -1;
    }

    private static string Product(string name) => name
        .Replace("q_proj", "qkv", StringComparison.Ordinal).Replace("k_proj", "qkv", StringComparison.Ordinal)
            .Replace("v_proj", "qkv", StringComparison.Ordinal)
        .Replace("gate_proj", "gate_up", StringComparison.Ordinal).Replace("up_proj", "gate_up", StringComparison.Ordinal);

    /// <summary>Makes room for the gradient.</summary>
    public void EnsureGradient() => _gradient.Ensure(Count);

    /// <summary>Begins to accumulate. Returns whether the gradient was zero: then every value of it is to be written, not added
    /// to.</summary>
    public bool BeginGradient()
    {
        bool zero = GradientIsZero;
        GradientIsZero = false;
        GradientVersion++;
        return zero;
    }

    /// <summary>The gradient for reading and for adding to, with zeros where nothing has been accumulated.</summary>
    public float* AccumulatedGradient()
    {
        _gradient.Ensure(Count);
        if (BeginGradient())
            NativeMemory.Clear(Gradient, (nuint)Count * sizeof(float));
        return Gradient;
    }

    /// <summary>How many parameters' moments are kept: all, or a share.</summary>
    public long MomentCount { get; set; }

    /// <summary>Whether there are moments.</summary>
    public bool HasMoments => First is not null;

    /// <summary>Makes room for AdamW's moments, zero at first.</summary>
    public void EnsureMoments()
    {
        if (HasMoments)
            return;
        _first.EnsureZeroed(MomentCount);
        _second.EnsureZeroed(MomentCount);
    }

    /// <summary>Gives the gradient's memory away for another's, which counts as zero until <see cref="BeginGradient"/>.</summary>
    public NativeBuffer ExchangeGradient(NativeBuffer other)
    {
        NativeBuffer own = _gradient;
        _gradient = other;
        GradientIsZero = true;
        return own;
    }

    /// <summary>Forgets AdamW's moments.</summary>
    public void ClearMoments()
    {
        if (First is null)
            return;
        NativeMemory.Clear(First, (nuint)MomentCount * sizeof(float));
        NativeMemory.Clear(Second, (nuint)MomentCount * sizeof(float));
    }

    /// <summary>Makes the gradient zero, without touching its memory.</summary>
    public void ClearGradient() => GradientIsZero = true;

    public void Dispose()
    {
        _weights.Dispose();
        _gradient.Dispose();
        _first.Dispose();
        _second.Dispose();
    }
}
