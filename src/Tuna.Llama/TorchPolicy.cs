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

/// <summary>A TorchSharp LLaMA with a head that gives one number per response: what <see cref="LlamaPolicy"/> and <see cref="LlamaRewardModel"/> share.</summary>
/// <remarks>
/// A group's prompt is computed once; only the rows that the head reads reach it; a response whose gradient is zero
/// is left out of backward wherever that is cheaper than computing it. On the CPU the same inputs, seed and thread count give the same bits; on a GPU
/// the backward of libtorch's attention may add in another order from run to run. Every public member frees what it made. Used by one thread at a time.
/// </remarks>
public abstract partial class TorchPolicy : ITrainablePolicy
{
    private const int ScoreRows = 4096; // rows scored at once

    private readonly LlamaPolicyOptions _options;
    private readonly LlamaBackbone _model;
    private readonly TrainingParameters? _training;
    private long _passes;
    private bool _disposed;

    private protected TorchPolicy(LlamaPolicyOptions options, Func<torch.Device, ScalarType, LlamaBackbone> create, Action<LlamaBackbone, TrainingParameters?> fill)
    {
        _options = options.Validated();
        Device device = TorchRuntime.OpenDevice(options.Device);
        TensorDType compute = options.ComputeType ?? (device.type == DeviceType.CUDA ? TensorDType.BF16 : TensorDType.F32);
        _model = create(device, TensorTypes.Of(compute));
        try
        {
            if (options.Trainable)
                _training = new TrainingParameters(_model, options.ParameterGroups);
            fill(_model, _training);
            if (options.Lora is not null)
                FreshWeights.FillAdapters(_model, _training, options.Seed);
        }
        catch
        {
            _training?.Dispose();
            _model.Dispose();
            throw;
        }

        Info = new PolicyInfo(Config.VocabularySize, Config.ContextLength, Config.HiddenSize, Config.LayerCount, Config.Parameters().Sum(p => p.ElementCount)) { GivesRewards = Config.ScalarHead };
    }

    /// <inheritdoc/>
    public PolicyInfo Info { get; }

    /// <summary>The architecture.</summary>
    public LlamaConfig Config => _model.Config;

    /// <summary>What this policy computes with, and what is missing here: a slow GPU run begins with a look at it.</summary>
    public Acceleration Acceleration => _model.Parts.Acceleration;

    private protected LlamaPolicyOptions Options => _options;

    internal LlamaBackbone Backbone => _model;

    /// <inheritdoc/>
    public void Score(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken = default)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        int count = PolicyGuard.CheckGroups(groups, Info);
        if (logProbs.Length != count)
            throw new ArgumentException($"The groups have {count} responses; room was given for {logProbs.Length}.", nameof(logProbs));
        using IDisposable mode = no_grad();
        for (int first = 0, response = 0; first < groups.Count;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int last = first, rows = 0, responses = 0;
            do
            {
                rows += groups[last].TokenCount;
                responses += groups[last].Responses.Count;
                last++;
            }
            while (last < groups.Count && rows + groups[last].TokenCount <= ScoreRows);
            ScoreBatch([.. groups.Skip(first).Take(last - first)], logProbs.Slice(response, responses), cancellationToken);
            first = last;
            response += responses;
        }
    }

    private void ScoreBatch(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken)
    {
        using DisposeScope scope = NewDisposeScope();
        PackedBatch batch = PackedBatch.Of(groups, _model.ResponseHead.Reads);
        using PackedPlan plan = PackedPlan.Of(batch, _model.Parts);
        Tensor x = LayerRun.Run(_model, LayerRun.Embed(_model, batch), plan, 0, _model.Layers.Count, null, cancellationToken);
        using Tensor rows = tensor(Array.ConvertAll(batch.Targets.Rows, r => (long)r), device: _model.Device);
        Tensor hidden = _model.Norm.Run(x.index_select(0, rows), _model.Parts.Operations);
        _model.ResponseHead.Forward(hidden, batch.Targets, logProbs, _model.Parts.Operations);
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The policy was opened with <see cref="LlamaPolicyOptions.Trainable"/> false, or a pass is open.</exception>
    public IPolicyPass Forward(IReadOnlyList<TokenGroup> groups, CancellationToken cancellationToken = default)
    {
        TrainingParameters training = Training;
        PolicyGuard.CheckGroups(groups, Info);
        if (groups.Count == 0)
            throw new ArgumentException("A pass needs at least one group.", nameof(groups));
        bool keep = _options.Activations switch
        {
            ActivationMode.Keep => true,
            ActivationMode.Recompute => false,
            _ => _options.MemoryBudget is not { } budget || EstimateMemory(groups, ActivationMode.Keep).Total <= budget,
        };
        ulong seed = Rng.Derive(_options.Seed, (ulong)_passes);
        training.OpenPass(() => new LlamaPass(_model, training, groups, keep, seed, cancellationToken));
        _passes++; // a pass that was cancelled is drawn again
        return training.Pass;
    }

    /// <inheritdoc/>
    public double GradientNorm() => AdamWOptimizer.GradientNorm(Training);

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The step's number is below 1, or its learning rate or scale is not finite.</exception>
    /// <exception cref="InvalidOperationException">A pass is open.</exception>
    public void ApplyGradients(in AdamWStep step)
    {
        TrainingParameters training = Training;
        training.ThrowIfPassOpen();
        ArgumentNullException.ThrowIfNull(step.Settings, nameof(step));
        ArgumentOutOfRangeException.ThrowIfLessThan(step.Step, 1, nameof(step));
        if (!double.IsFinite(step.LearningRate) || !double.IsFinite(step.GradientScale))
            throw new ArgumentOutOfRangeException(nameof(step), step, "Learning rate and gradient scale are finite.");
        AdamWOptimizer.Step(training, step);
    }

    /// <inheritdoc/>
    public abstract IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public void ClearGradients() => Training.ClearGradients();

    /// <summary>A copy of a trained parameter's accumulated gradient, or null when nothing was accumulated; for tests and inspection.</summary>
    /// <param name="name">Checkpoint name of the parameter.</param>
    /// <exception cref="ArgumentException">There is no such trained parameter.</exception>
    public float[]? AccumulatedGradient(string name)
    {
        TrainedParameter parameter = Training.List.FirstOrDefault(p => p.Name == name) ?? throw new ArgumentException($"There is no trained parameter '{name}'.", nameof(name));
        using DisposeScope scope = NewDisposeScope();
        return parameter.Gradient()?.to(ScalarType.Float32).cpu().contiguous().data<float>().ToArray();
    }

    /// <summary>What a pass over these groups, and the optimizer, will take.</summary>
    public MemoryEstimate EstimateMemory(IReadOnlyList<TokenGroup> groups, ActivationMode mode) =>
        MemoryEstimate.Of(Config, _options.Lora, TensorTypes.From(_model.DType), _options.Trainable, groups, mode, _options.Device);

    private protected void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private TrainingParameters Training
    {
        get
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            return _training ?? throw new InvalidOperationException($"The policy was opened with {nameof(LlamaPolicyOptions)}.{nameof(LlamaPolicyOptions.Trainable)} = false.");
        }
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _training?.Dispose();
        _model.Dispose();
        GC.SuppressFinalize(this);
    }
}
