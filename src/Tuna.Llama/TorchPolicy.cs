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
        LlamaBackbone? model = null;
        try
        {
            _model = model = create(device, TensorTypes.Of(compute));
            if (options.Trainable)
                _training = new TrainingParameters(_model, options.ParameterGroups, options.Moments);
            fill(_model, _training);
            if (options.Lora is not null)
                FreshWeights.FillAdapters(_model, _training, options.Seed);
        }
        catch (Exception e)
        {
            _training?.Dispose();
            model?.Dispose();
            if (e is ExternalException native && DeviceMemoryException.Is(native))
                throw DeviceMemoryException.Of(native, "opening the model", options, null, [$"{nameof(LlamaPolicyOptions.Trainable)} = false where it only samples or scores", .. DeviceMemoryException.TrainingAdvice(options, 0)]);
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
            try
            {
                ScoreBatch([.. groups.Skip(first).Take(last - first)], logProbs.Slice(response, responses), cancellationToken);
            }
            catch (ExternalException e) when (DeviceMemoryException.Is(e))
            {
                throw DeviceMemoryException.Of(e, $"scoring {rows} tokens", _options, null, "shorter or fewer responses in a group", "a device with more memory");
            }

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
    /// <exception cref="DeviceMemoryException">Memory ran out; the policy is as before. Where it runs out in backward, the gradients since the last step are cleared.</exception>
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
        training.OpenPass(() => new LlamaPass(_model, training, groups, keep, seed, Explain, cancellationToken));
        _passes++; // a pass that was cancelled is drawn again
        return training.Pass;

        DeviceMemoryException Explain(ExternalException e, string work) => DeviceMemoryException.Of(
            e, $"{work} {groups.Count} groups of {groups.Sum(g => g.TokenCount)} tokens", _options, EstimateMemory(groups, keep ? ActivationMode.Keep : ActivationMode.Recompute),
            DeviceMemoryException.TrainingAdvice(_options, groups.Count));
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
        try
        {
            AdamWOptimizer.Step(training, step);
        }
        catch (ExternalException e) when (DeviceMemoryException.Is(e))
        {
            throw DeviceMemoryException.Of(e, "in the optimizer's step", _options, null, DeviceMemoryException.TrainingAdvice(_options, 0));
        }
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
    /// <param name="groups">The largest micro-batch.</param>
    /// <param name="mode">What is kept between forward and backward.</param>
    /// <param name="passes">Micro-batches a step, >= 1: gradients of a single one take less on a GPU. Default 2.</param>
    public MemoryEstimate EstimateMemory(IReadOnlyList<TokenGroup> groups, ActivationMode mode, int passes = 2) =>
        MemoryEstimate.Of(Config, _options.Lora, TensorTypes.From(_model.DType), _options.Trainable, groups, mode, _options.Device, _options.Moments, passes);

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
