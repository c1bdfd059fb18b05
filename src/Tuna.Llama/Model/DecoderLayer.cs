using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Lora;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Model;

/// <summary>One decoder layer: x + Attention(norm(x)), then x + MLP(norm(x)) with the gated SiLU.</summary>
/// <remarks>
/// The engine runs it by <see cref="Run"/> and <see cref="Backward"/>, which know what they keep; <see cref="Forward"/> is the same as
/// autograd records it, for own training loops, and the reference of the tests.
/// </remarks>
internal sealed class DecoderLayer : LlamaModule
{
    private readonly int _layer;
    private readonly LlamaConfig _config;
    private readonly RmsNorm _inputNorm;
    private readonly RmsNorm _postNorm;
    private readonly RmsNorm? _queryNorm; // of every head by itself, where the family has it
    private readonly RmsNorm? _keyNorm;
    private readonly FusedLinear _qkv;
    private readonly FusedLinear _output;
    private readonly FusedLinear _gateUp;
    private readonly FusedLinear _down;

    public DecoderLayer(int layer, LlamaConfig config, LoraOptions? lora, Device device, ScalarType dtype, UnpackedPlace? place)
        : base(nameof(DecoderLayer))
    {
        _layer = layer;
        _config = config;
        int d = config.HiddenSize, f = config.IntermediateSize, first = layer * 7;
        int queryWidth = config.HeadCount * config.HeadDimension, keyWidth = config.KeyValueHeadCount * config.HeadDimension;
        _inputNorm = Add("input_layernorm", new RmsNorm(d, config.RmsNormEpsilon, device, dtype));
        _qkv = new FusedLinear(first, d, [("q_proj", queryWidth), ("k_proj", keyWidth), ("v_proj", keyWidth)], config.QueryKeyValueBias,
            lora, device, dtype, place);
        _output = new FusedLinear(first + 3, queryWidth, [("o_proj", d)], config.OutputBias, lora, device, dtype, place);
        if (config.QueryKeyNorm)
        {
            _queryNorm = new RmsNorm(config.HeadDimension, config.RmsNormEpsilon, device, dtype);
            _keyNorm = new RmsNorm(config.HeadDimension, config.RmsNormEpsilon, device, dtype);
        }

        Add("self_attn", new Container(("q_proj", Q), ("k_proj", K), ("v_proj", V), ("o_proj", O), ("q_norm", _queryNorm),
            ("k_norm", _keyNorm)));
        _postNorm = Add("post_attention_layernorm", new RmsNorm(d, config.RmsNormEpsilon, device, dtype));
        _gateUp = new FusedLinear(first + 4, d, [("gate_proj", f), ("up_proj", f)], config.MlpBias, lora, device, dtype, place);
        _down = new FusedLinear(first + 6, f, [("down_proj", d)], config.MlpBias, lora, device, dtype, place);
        Add("mlp", new Container(("gate_proj", GateProjection), ("up_proj", Up), ("down_proj", Down)));
    }

    private Projection Q => _qkv.Projections[0];

    private Projection K => _qkv.Projections[1];

    private Projection V => _qkv.Projections[2];

    private Projection O => _output.Projections[0];

    private Projection GateProjection => _gateUp.Projections[0];

    private Projection Up => _gateUp.Projections[1];

    private Projection Down => _down.Projections[0];

    /// <summary>The layer's projections with their names within the layer.</summary>
    public IEnumerable<(string Name, Projection Projection)> Projections() =>
    [
        ("self_attn.q_proj", Q), ("self_attn.k_proj", K), ("self_attn.v_proj", V), ("self_attn.o_proj", O),
            ("mlp.gate_proj", GateProjection), ("mlp.up_proj", Up), ("mlp.down_proj", Down),
    ];

    /// <summary>The layer's weights as they lie in memory.</summary>
    public IEnumerable<Weight> Weights() =>
        [.. new[] { _inputNorm, _queryNorm, _keyNorm, _postNorm }.OfType<RmsNorm>().Select(n => n.Weight), .. _qkv.Weights,
        .. _output.Weights, .. _gateUp.Weights, .. _down.Weights];

    /// <summary>[N, D] to [N, D].</summary>
    /// <param name="x">The input.</param>
    /// <param name="plan">Who attends to whom.</param>
    /// <param name="operations">How to compute.</param>
    /// <param name="trace">Receives what backward needs; null when there is none.</param>
    public Tensor Run(Tensor x, AttentionPlan plan, Operations operations, LayerTrace? trace)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor qkv = Attention(x, plan, operations, trace, out Tensor attended);
        Tensor y = _output.Run(attended, x, plan.Dropout, operations);
        Tensor gateUp = MlpInput(y, plan, operations);
        Tensor gated = operations.Gate(gateUp);
        Tensor result = _down.Run(gated, y, plan.Dropout, operations);
        if (trace is not null)
        {
            trace.Qkv = scope.Detach(qkv);
            trace.Attended = scope.Detach(attended);
            trace.Middle = scope.Detach(y);
            trace.GateUp = scope.Detach(gateUp);
        }

        return scope.MoveToOuter(result);
    }

    /// <summary>Fills a trace of the input alone, without the layer's result: what backward of a recomputed layer begins with.</summary>
    public void Retrace(LayerTrace trace, AttentionPlan plan, Operations operations)
    {
        using DisposeScope scope = NewDisposeScope();
        trace.Qkv = scope.Detach(Attention(trace.Input, plan, operations, trace, out Tensor attended));
        trace.Attended = scope.Detach(attended);
        trace.Middle = scope.Detach(_output.Run(attended, trace.Input, plan.Dropout, operations));
        trace.GateUp = scope.Detach(MlpInput(trace.Middle, plan, operations));
    }

    /// <summary>Adds the gradients of the layer's weights up.</summary>
    /// <param name="trace">What forward kept.</param>
    /// <param name="dy">dL/d(result), [N, D].</param>
    /// <param name="plan">As in forward.</param>
    /// <param name="operations">As in forward.</param>
    /// <param name="needed">Whether dL/dx is asked for.</param>
    /// <returns>dL/dx, [N, D], or null.</returns>
    public Tensor? Backward(LayerTrace trace, Tensor dy, AttentionPlan plan, Operations operations, bool needed)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor middle = MlpBackward(trace, dy, plan, operations);
        using Tensor? reducedOutput = _output.ReducedGradient(middle);
        _output.AddGradients(trace.Attended!, middle, reducedOutput, plan.Dropout);
        Tensor attended = _output.InputGradient(middle, reducedOutput, plan.Dropout, operations);
        Tensor dqkv = plan.Backward(trace, attended);
        attended.Dispose();
        HeadNormsBackward(trace, dqkv, operations);
        using Tensor? reduced = _qkv.ReducedGradient(dqkv);
        using (Tensor normal = _inputNorm.Run(trace.Input, operations))
            _qkv.AddGradients(normal, dqkv, reduced, plan.Dropout);
        if (!needed && _inputNorm.Weight.Trained is null)
            return null;
        Tensor dNormal = _qkv.InputGradient(dqkv, reduced, plan.Dropout, operations);
        Tensor dx = _inputNorm.Backward(dNormal, trace.Input, middle, operations);
        return needed ? scope.MoveToOuter(dx) : null;
    }

    /// <summary>From dL/d(result) to dL/d(middle).</summary>
    private Tensor MlpBackward(LayerTrace trace, Tensor dy, AttentionPlan plan, Operations operations)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor dGateUp;
        using (Tensor? reducedDown = _down.ReducedGradient(dy))
        using (Tensor dGated = _down.InputGradient(dy, reducedDown, plan.Dropout, operations))
        {
            dGateUp = operations.GateBackward(trace.GateUp!, dGated, out Tensor gated);
            _down.AddGradients(gated, dy, reducedDown, plan.Dropout);
            gated.Dispose();
        }

        using Tensor? reduced = _gateUp.ReducedGradient(dGateUp);
        using (Tensor normal = _postNorm.Run(trace.Middle!, operations))
            _gateUp.AddGradients(normal, dGateUp, reduced, plan.Dropout);
        Tensor dNormal = _gateUp.InputGradient(dGateUp, reduced, plan.Dropout, operations);
        return scope.MoveToOuter(_postNorm.Backward(dNormal, trace.Middle!, dy, operations));
    }

    private Tensor Attention(Tensor x, AttentionPlan plan, Operations operations, LayerTrace? trace, out Tensor attended)
    {
        using Tensor normal = _inputNorm.Run(x, operations);
        Tensor qkv = _qkv.Run(normal, null, plan.Dropout, operations);
        NormalizeHeads(qkv, operations, trace);
        attended = plan.Attend(_layer, qkv, trace);
        return qkv;
    }

    /// <summary>Normalizes every head of the queries and of the keys in place, where the family does.</summary>
    private void NormalizeHeads(Tensor qkv, Operations operations, LayerTrace? trace)
    {
        if (_queryNorm is null || _keyNorm is null)
            return;
        using DisposeScope scope = NewDisposeScope();
        Tensor queries = Normalize(_queryNorm, Heads(qkv, 0, _config.HeadCount)),
            keys = Normalize(_keyNorm, Heads(qkv, _config.HeadCount, _config.KeyValueHeadCount));
        if (trace is not null)
            trace.HeadInputs = (scope.Detach(queries), scope.Detach(keys));

        // Returns what was there before, [N heads, E].
        Tensor Normalize(RmsNorm norm, Tensor heads)
        {
            Tensor before = heads.clone().view(-1, _config.HeadDimension);
            using Tensor after = norm.Run(before, operations);
            heads.copy_(after.view(heads.shape));
            return before;
        }
    }

    /// <summary>Backward of <see cref="NormalizeHeads"/>, in place of the gradient.</summary>
    private void HeadNormsBackward(LayerTrace trace, Tensor dqkv, Operations operations)
    {
        if (_queryNorm is null || _keyNorm is null)
            return;
        using DisposeScope scope = NewDisposeScope();
        (Tensor queries, Tensor keys) = trace.HeadInputs!.Value;
        Backward(_queryNorm, queries, Heads(dqkv, 0, _config.HeadCount));
        Backward(_keyNorm, keys, Heads(dqkv, _config.HeadCount, _config.KeyValueHeadCount));

        void Backward(RmsNorm norm, Tensor input, Tensor gradient)
        {
            using Tensor before = norm.Backward(gradient.clone().view(input.shape), input, null, operations);
            gradient.copy_(before.view(gradient.shape));
        }
    }

    /// <summary>Some heads of queries, keys and values side by side, a view, [N, count, E].</summary>
    private Tensor Heads(Tensor qkv, int first, int count) => qkv.view(qkv.shape[0], -1, _config.HeadDimension).narrow(1, first, count);

    private Tensor MlpInput(Tensor y, AttentionPlan plan, Operations operations)
    {
        using Tensor normal = _postNorm.Run(y, operations);
        return _gateUp.Run(normal, null, plan.Dropout, operations);
    }

    /// <summary>[N, D] to [N, D], recorded by autograd.</summary>
    public Tensor Forward(Tensor x, RecordedAttention attention)
    {
        using DisposeScope scope = NewDisposeScope(); // frees what neither the graph nor the caller needs
        long n = x.shape[0];
        Tensor h = _inputNorm.Forward(x);
        Tensor q = Q.Forward(h).view(n, _config.HeadCount, _config.HeadDimension),
            k = K.Forward(h).view(n, _config.KeyValueHeadCount, _config.HeadDimension);
        q = attention.Rotate(_queryNorm?.Forward(q) ?? q);
        k = attention.Rotate(_keyNorm?.Forward(k) ?? k);
        Tensor v = V.Forward(h).view(n, _config.KeyValueHeadCount, _config.HeadDimension);
        Tensor y = x + O.Forward(attention.Attend(q, k, v));
        Tensor m = _postNorm.Forward(y);
        Tensor mlp = Down.Forward(nn.functional.silu(GateProjection.Forward(m)) * Up.Forward(m));
        return scope.MoveToOuter(y + mlp);
    }

    /// <summary>A part that only groups others under a name.</summary>
    private sealed class Container : LlamaModule
    {
        public Container(params ReadOnlySpan<(string Name, LlamaModule? Part)> parts)
            : base("Container")
        {
            foreach ((string name, LlamaModule? part) in parts)
            {
                if (part is not null)
                    Add(name, part);
            }
        }
    }
}
