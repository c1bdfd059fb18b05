using System.Runtime.InteropServices;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Batches;
using Tuna.Llama.Checkpoints;
using Tuna.Llama.Model;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using Tuna.Numerics;
using Tuna.Policies;
using TorchSharp;
using static TorchSharp.torch;

namespace Tuna.Llama;

/// <summary>A TorchSharp LLaMA with a head that gives one number per response: what <see cref="LlamaPolicy"/> and
/// <see cref="LlamaRewardModel"/> share.</summary>
/// <remarks>
/// A group's prompt is computed once; only the rows that the head reads reach it; a response whose gradient is zero
/// is left out of backward wherever that is cheaper than computing it. On the CPU the same inputs, seed and thread count give the same
/// bits; on a GPU the backward of libtorch's attention may add in another order from run to run. Every public member frees what it made.
/// Used by one thread at a time.
/// </remarks>
public abstract partial class TorchPolicy : PolicyBase
{
    private readonly LlamaPolicyOptions _options;
    private readonly LlamaBackbone _model;
    private readonly TrainingParameters? _training;
    private long _passes;
    private int _passesSinceStep;
    private int _passesOfAStep = 2; // of the last one; until then gradients are counted as sums, which are larger

    private protected TorchPolicy(
        LlamaConfig config,
        LlamaPolicyOptions options,
        Func<torch.Device, ScalarType, LlamaBackbone> create,
        Action<LlamaBackbone, TrainingParameters?> fill)
        : base(new PolicyInfo(config.VocabularySize, config.ContextLength, config.HiddenSize, config.LayerCount,
            config.Parameters().Sum(p => p.ElementCount)))
    {
        options.Validate();
        _options = options;
        Device device = TorchRuntime.OpenDevice(options.Device);
        if (options.Threads is { } threads)
            set_num_threads(threads);
        TensorDType compute = options.ComputeType ?? (device.type == DeviceType.CUDA ? TensorDType.BF16 : TensorDType.F32);
        LlamaBackbone? model = null;
        try
        {
            _model = model = create(device, TensorTypes.Of(compute));
            if (options.Trainable)
                _training = new TrainingParameters(_model, options);
            fill(_model, _training);
            if (options.Lora is not null)
                FreshWeights.FillAdapters(_model, _training, options.Seed);
        }
        catch (Exception e)
        {
            _training?.Dispose();
            model?.Dispose();
            if (e is ExternalException native && DeviceMemoryException.Is(native))
                throw DeviceMemoryException.Of(native, "opening the model", options, null,
                    [$"{nameof(LlamaPolicyOptions.Trainable)} = false where it only samples or scores",
                    .. DeviceMemoryException.TrainingAdvice(options, 0)]);
            throw;
        }
    }

    /// <summary>The architecture.</summary>
    public LlamaConfig Config => _model.Config;

    /// <summary>The options it was made with.</summary>
    public LlamaPolicyOptions Options => _options;

    /// <summary>What this policy computes with, and what is missing here: a slow GPU run begins with a look at it.</summary>
    public Acceleration Acceleration => _model.Parts.Acceleration;

    internal LlamaBackbone Backbone => _model;

    /// <summary>Layers whose activations the open pass holds; for tests.</summary>
    internal int KeptLayers => Training.Pass.KeptLayers;

    /// <inheritdoc/>
    protected override int ScoringRows => 4096;

    private TrainingParameters Training =>
        _training ?? throw new InvalidOperationException(
            $"The model was opened with {nameof(LlamaPolicyOptions)}.{nameof(LlamaPolicyOptions.Trainable)} = false.");

    /// <summary>What a pass over these groups, and the optimizer, will take.</summary>
    /// <param name="groups">The largest micro-batch.</param>
    /// <param name="mode">What is kept between forward and backward.</param>
    /// <param name="passes">Micro-batches a step, >= 1: gradients of a single one take less on a GPU. Default 2.</param>
    /// <param name="keptLayers">Layers whose activations are kept; null for all or none, as the mode says.</param>
    public MemoryEstimate EstimateMemory(IReadOnlyList<TokenGroup> groups, ActivationMode mode, int passes = 2, int? keptLayers = null) =>
        MemoryEstimate.Of(Config, _options.Lora, TensorTypes.From(_model.DType), _options.Trainable, groups, mode, _options.Device,
            _options.Moments, passes, _options.BaseWeights, _options.Gradients, keptLayers);

    /// <inheritdoc/>
    protected override void ScoreCore(IReadOnlyList<TokenGroup> groups, int from, int to, Span<double> values,
        CancellationToken cancellationToken)
    {
        try
        {
            ScoreBatch([.. groups.Skip(from).Take(to - from)], values, cancellationToken);
        }
        catch (ExternalException e) when (DeviceMemoryException.Is(e))
        {
            throw DeviceMemoryException.Of(
                e, $"scoring {to - from} groups", _options, null, "shorter or fewer responses in a group", "a device with more memory");
        }
    }

    private void ScoreBatch(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken)
    {
        RequireWhole();
        using IDisposable mode = no_grad();
        using DisposeScope scope = NewDisposeScope();
        PackedBatch batch = PackedBatch.Of(groups, _model.ResponseHead.Reads);
        using PackedPlan plan = PackedPlan.Of(batch, _model.Parts);
        Tensor x = LayerRun.Run(_model, LayerRun.Embed(_model, batch), plan, 0, _model.Layers.Count, null, cancellationToken);
        using Tensor rows = _model.Parts.Operations.Link.WriteIndices(batch.Targets.Rows, _model.Device);
        Tensor hidden = _model.Norm.Run(x.index_select(0, rows), _model.Parts.Operations);
        _model.ResponseHead.Forward(hidden, batch.Targets, values, _model.Parts.Operations);
    }

    /// <inheritdoc/>
    protected override void ForwardCore(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken)
    {
        TrainingParameters training = Training;
        RequireWhole();
        if (_waiting is not null)
        {
            KeepWaiting(); // a step of several passes
            _keepsGradients = true;
        }

        int layers = Config.LayerCount, kept = _options.Activations switch
        {
            ActivationMode.Keep => layers,
            ActivationMode.Recompute => 0,
            _ => _options.MemoryBudget is { } budget ? MemoryEstimate.KeptLayers(Estimate, layers, budget) : layers,
        };
        ulong seed = Rng.Derive(_options.Seed, (ulong)_passes);
        training.OpenPass(() => new LlamaPass(_model, training, groups, kept, seed, Explain, cancellationToken));
        _passes++; // a pass that was cancelled is drawn again
        _passesSinceStep++;
        training.Pass.Values.CopyTo(values);

        MemoryEstimate Estimate(int layersKept) => EstimateMemory(groups, ActivationMode.Auto, _passesOfAStep, layersKept);

        DeviceMemoryException Explain(ExternalException e, string work) => DeviceMemoryException.Of(
            e, $"{work} {groups.Count} groups of {groups.Sum(g => g.TokenCount)} tokens", _options, Estimate(kept).ToString(),
            DeviceMemoryException.TrainingAdvice(_options, groups.Count));
    }

    /// <inheritdoc/>
    protected override void DisposeCore()
    {
        _waiting?.Dispose();
        _copies?.Dispose();
        _training?.Dispose();
        _model.Dispose();
    }
}
