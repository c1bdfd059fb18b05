using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;
using Tuna.Policies;

namespace Tuna.Llama.Managed;

/// <summary>A LLaMA in plain C# with a head that gives one number per response: what <see cref="ManagedLlama"/> and <see cref="ManagedRewardModel"/> share.</summary>
/// <remarks>
/// Used by one thread at a time; it computes on threads of its own. Same inputs, seed and thread count give the same bits.
/// Weights, gradients and buffers are outside the garbage-collected heap: dispose the policy. Buffers grow to the largest batch seen and
/// are reused, so that a training step allocates nothing.
/// </remarks>
public abstract class ManagedPolicy : ITrainablePolicy, IHiddenStates
{
    // Rows of a scoring batch: enough for the kernels to run at speed, few enough to cost little memory.
    private const int ScoringRows = 2048;

    private readonly BatchLayout _forwardLayout = new(), _activeLayout = new();
    private readonly double[] _partialSums;
    private double[] _outputs = [];
    private int[] _kept = [], _keptHeadRows = [];
    private PolicyPass? _open;
    private bool _disposed;

    private protected ManagedPolicy(LlamaConfig config, ManagedLlamaOptions? options, Func<LlamaParameters, WorkerPool, KeptValues, IPolicyHead> head)
    {
        ArgumentNullException.ThrowIfNull(config);
        Config = ModelFiles.Supported(config.Validate());
        Options = options ?? new ManagedLlamaOptions();
        Parameters = new LlamaParameters(Config);
        Pool = new WorkerPool(Options.Threads);
        KeptValues = new KeptValues(Config, Parameters, Options.KeptActivationBytes);
        Trunk = new LlamaTrunk(Config, Parameters, Pool, KeptValues);
        Head = head(Parameters, Pool, KeptValues);
        _partialSums = new double[AdamW.Blocks(Parameters.Count)];
        Info = new PolicyInfo(Config.VocabularySize, Config.ContextLength, Config.HiddenSize, Config.LayerCount, Parameters.Count) { GivesRewards = Head is RewardHead };
    }

    /// <inheritdoc/>
    public PolicyInfo Info { get; }

    /// <summary>The architecture.</summary>
    public LlamaConfig Config { get; }

    /// <summary>The options it was made with.</summary>
    public ManagedLlamaOptions Options { get; }

    internal LlamaParameters Parameters { get; }

    internal WorkerPool Pool { get; }

    internal LlamaTrunk Trunk { get; }

    internal KeptValues KeptValues { get; }

    private protected IPolicyHead Head { get; }

    /// <inheritdoc/>
    public void Score(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken = default)
    {
        ThrowIfBusy();
        int responses = PolicyGuard.CheckGroups(groups, Info);
        if (logProbs.Length != responses)
            throw new ArgumentException($"There are {responses} responses but room for {logProbs.Length} numbers.", nameof(logProbs));
        for (int from = 0, to; from < groups.Count; from = to)
        {
            cancellationToken.ThrowIfCancellationRequested();
            to = from + 1;
            for (int rows = groups[from].TokenCount; to < groups.Count && rows + groups[to].TokenCount <= ScoringRows; to++)
                rows += groups[to].TokenCount;
            _forwardLayout.Build(groups, from, to, Head.Reads);
            Head.Forward(_forwardLayout, Trunk.Forward(_forwardLayout, keep: false), keep: false, logProbs[.._forwardLayout.TotalResponses]);
            logProbs = logProbs[_forwardLayout.TotalResponses..];
        }
    }

    /// <inheritdoc/>
    public IPolicyPass Forward(IReadOnlyList<TokenGroup> groups, CancellationToken cancellationToken = default)
    {
        ThrowIfBusy();
        cancellationToken.ThrowIfCancellationRequested();
        int responses = PolicyGuard.CheckGroups(groups, Info);
        if (_outputs.Length < responses)
            _outputs = new double[responses];
        if (groups.Count > 0)
        {
            _forwardLayout.Build(groups, 0, groups.Count, Head.Reads);
            KeptValues.Plan(_forwardLayout.RowCount, Head.HasLogits ? _forwardLayout.HeadRows.Length : 0);
            Head.Forward(_forwardLayout, Trunk.Forward(_forwardLayout, keep: true), keep: true, _outputs.AsSpan(0, responses));
        }

        return _open = new PolicyPass(this, responses);
    }

    /// <inheritdoc/>
    public abstract IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests, CancellationToken cancellationToken = default);

    /// <inheritdoc/>
    public void HiddenStates(ReadOnlySpan<int> tokens, int layer, Span<float> destination)
    {
        ThrowIfBusy();
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(layer, Info.LayerCount);
        PolicyGuard.CheckTokens(tokens, Info.VocabularySize, "the sequence", nameof(tokens));
        if (tokens.IsEmpty || tokens.Length > Info.ContextLength)
            throw new ArgumentException($"The sequence has {tokens.Length} tokens; 1 to {Info.ContextLength} fit the context.", nameof(tokens));
        if (destination.Length != (long)tokens.Length * Info.HiddenSize)
            throw new ArgumentException($"There is room for {destination.Length} numbers; [{tokens.Length}, {Info.HiddenSize}] are needed.", nameof(destination));
        _forwardLayout.BuildPrompt(tokens, HeadRows.EveryRow);
        Matrix hidden = layer == Info.LayerCount ? Trunk.Forward(_forwardLayout, keep: false) : Trunk.Residual(_forwardLayout, layer);
        for (int t = 0; t < tokens.Length; t++)
            hidden.RowSpan(t).CopyTo(destination.Slice(t * Info.HiddenSize, Info.HiddenSize));
    }

    /// <inheritdoc/>
    public unsafe double GradientNorm()
    {
        ThrowIfDisposed();
        return Parameters.GradientIsZero ? 0 : Math.Sqrt(AdamW.SumOfSquares(Pool, Parameters.Count, Parameters.Gradient, _partialSums));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A constant of the step is outside its range.</exception>
    public unsafe void ApplyGradients(in AdamWStep step)
    {
        ThrowIfBusy();
        ArgumentNullException.ThrowIfNull(step.Settings);
        ArgumentOutOfRangeException.ThrowIfLessThan(step.Step, 1);
        if (!double.IsFinite(step.LearningRate) || !double.IsFinite(step.GradientScale))
            throw new ArgumentOutOfRangeException(nameof(step), step, "Learning rate and gradient scale are finite.");
        Parameters.EnsureMoments();
        AdamW.Step(Pool, Parameters.Count, Parameters.WritableWeights, Parameters.AccumulatedGradient(), Parameters.First, Parameters.Second, step);
        Parameters.ClearGradient();
    }

    /// <inheritdoc/>
    public void ClearGradients()
    {
        ThrowIfDisposed();
        Parameters.ClearGradient();
    }

    /// <inheritdoc/>
    public void SaveModel(string folder)
    {
        ThrowIfDisposed();
        ModelFiles.Save(folder, Config, Parameters, Options.SavedType);
    }

    /// <inheritdoc/>
    public void SaveTrainingState(string folder)
    {
        ThrowIfBusy();
        TrainingStateFile.Save(folder, Parameters, withWeights: (Options.SavedType ?? Config.DType) != TensorDType.F32);
    }

    /// <inheritdoc/>
    public void LoadTrainingState(string folder)
    {
        ThrowIfBusy();
        TrainingStateFile.Load(Pool, folder, Config, Parameters);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the policy holds.</summary>
    /// <param name="disposing">Always true: there is no finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
        Pool.Dispose();
        Head.Dispose();
        Trunk.Dispose();
        KeptValues.Dispose();
        Parameters.Dispose();
    }

    private protected void ThrowIfBusy()
    {
        ThrowIfDisposed();
        if (_open is not null)
            throw new InvalidOperationException("A pass is open; dispose it first.");
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private void Backward(ReadOnlySpan<double> gradient)
    {
        int active = 0;
        for (int r = 0; r < gradient.Length; r++)
        {
            if (!double.IsFinite(gradient[r]))
                throw new ArgumentException($"The gradient of response {r} is {gradient[r]}.", nameof(gradient));
            active += gradient[r] != 0 ? 1 : 0;
        }

        if (active == 0)
            return;
        bool accumulate = !Parameters.BeginGradient();
        if (_kept.Length < _forwardLayout.RowCount)
            (_kept, _keptHeadRows) = (new int[_forwardLayout.RowCount], new int[_forwardLayout.RowCount]);
        _activeLayout.BuildActive(_forwardLayout, gradient, Head.Reads, _kept, _keptHeadRows);
        ReadOnlySpan<int> kept = _kept.AsSpan(0, _activeLayout.RowCount), keptHeadRows = _keptHeadRows.AsSpan(0, _activeLayout.HeadRows.Length);
        Matrix dHidden = Trunk.OutputGradient(keptHeadRows.Length);
        Head.Backward(_activeLayout, Trunk.Output(_forwardLayout.HeadRows.Length), keptHeadRows, gradient, dHidden, accumulate);
        Trunk.Backward(_activeLayout, kept, keptHeadRows, dHidden, accumulate, accumulateEmbedding: accumulate || Head.WritesEmbedding);
    }

    private sealed class PolicyPass(ManagedPolicy policy, int responses) : IPolicyPass
    {
        private bool _backwardDone;

        public ReadOnlySpan<double> LogProbs
        {
            get
            {
                ThrowIfClosed();
                return policy._outputs.AsSpan(0, responses);
            }
        }

        public void Backward(ReadOnlySpan<double> gradient)
        {
            ThrowIfClosed();
            if (_backwardDone)
                throw new InvalidOperationException("Backward was already called on this pass.");
            if (gradient.Length != responses)
                throw new ArgumentException($"There are {responses} responses but {gradient.Length} gradients.", nameof(gradient));
            policy.Backward(gradient);
            _backwardDone = true;
        }

        public void Dispose()
        {
            if (policy._open == this)
                policy._open = null;
        }

        private void ThrowIfClosed() => ObjectDisposedException.ThrowIf(policy._open != this, this);
    }
}
