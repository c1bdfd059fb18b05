using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Distributed;
using Tuna.Llama.Managed.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;
using Tuna.Policies;

namespace Tuna.Llama.Managed;

/// <summary>A LLaMA in plain C# with a head that gives one number per response: what <see cref="ManagedLlama"/> and
/// <see cref="ManagedRewardModel"/> share.</summary>
/// <remarks>
/// Used by one thread at a time; it computes on threads of its own. Same inputs, seed and thread count give the same bits.
/// Weights, gradients and buffers are outside the garbage-collected heap: dispose the policy. Buffers grow to the largest batch seen and
/// are reused, so that a training step allocates nothing.
/// </remarks>
public abstract partial class ManagedPolicy : PolicyBase, IHiddenStates
{
    private readonly BatchLayout _forwardLayout = new(), _activeLayout = new();
    private readonly double[] _partialSums;
    private readonly UpdateGuard _update;
    private readonly GradientTree _leaves;
    private (long Version, double Norm) _gradientNorm = (-1, 0);
    private int[] _kept = [], _keptHeadRows = [];

    private protected ManagedPolicy(LlamaConfig config, ManagedLlamaOptions? options,
        Func<LlamaParameters, WorkerPool, KeptValues, Workspace, IPolicyHead> head)
        : this(config.Validate(), Checked(options), new LlamaParameters(config), head)
    {
    }

    private ManagedPolicy(LlamaConfig config, ManagedLlamaOptions options, LlamaParameters parameters,
        Func<LlamaParameters, WorkerPool, KeptValues, Workspace, IPolicyHead> head)
        : base(new PolicyInfo(config.VocabularySize, config.ContextLength, config.HiddenSize, config.LayerCount, parameters.Count))
    {
        Config = config;
        Options = options;
        Parameters = parameters;
        Pool = new WorkerPool(Options.Threads ?? Environment.ProcessorCount);
        KeptValues = new KeptValues(Config, Parameters, Options.KeptActivationBytes);
        Trunk = new LlamaTrunk(Config, Parameters, Pool, KeptValues);
        Head = head(Parameters, Pool, KeptValues, Trunk.Workspace);
        _partialSums = new double[AdamW.Blocks(Parameters.Count)];
        _update = new UpdateGuard(Parameters, Pool, _partialSums);
        _leaves = new GradientTree(Parameters, Pool);
        Share = new OptimizerShare(IProcessGroup.Single, Parameters.Count, sharded: false);
    }

    private static ManagedLlamaOptions Checked(ManagedLlamaOptions? options)
    {
        options ??= new ManagedLlamaOptions();
        options.Validate();
        return options;
    }

    /// <summary>The architecture.</summary>
    public LlamaConfig Config { get; }

    /// <summary>The options it was made with.</summary>
    public ManagedLlamaOptions Options { get; }

    internal LlamaParameters Parameters { get; }

    internal WorkerPool Pool { get; }

    internal LlamaTrunk Trunk { get; }

    internal KeptValues KeptValues { get; }

    /// <summary>Whose optimizer state is whose.</summary>
    internal OptimizerShare Share { get; private set; }

    private protected IPolicyHead Head { get; }

    /// <inheritdoc/>
    protected override void ScoreCore(IReadOnlyList<TokenGroup> groups, int from, int to, Span<double> values,
        CancellationToken cancellationToken)
    {
        _forwardLayout.Build(groups, from, to, Head.Reads);
        Head.Forward(_forwardLayout, Trunk.Forward(_forwardLayout, keep: false), keep: false, values);
    }

    /// <inheritdoc/>
    protected override void ForwardCore(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken)
    {
        _forwardLayout.Build(groups, 0, groups.Count, Head.Reads);
        KeptValues.Plan(_forwardLayout.RowCount, Head.HasLogits ? _forwardLayout.HeadRows.Length : 0);
        Head.Forward(_forwardLayout, Trunk.Forward(_forwardLayout, keep: true), keep: true, values);
    }

    /// <inheritdoc/>
    protected override void BackwardCore(ReadOnlySpan<double> gradient)
    {
        Update update = Parameters.BeginGradient() ? Update.Set : Update.Add;
        if (_kept.Length < _forwardLayout.RowCount)
            (_kept, _keptHeadRows) = (new int[_forwardLayout.RowCount], new int[_forwardLayout.RowCount]);
        _activeLayout.BuildActive(_forwardLayout, gradient, Head.Reads, _kept, _keptHeadRows);
        ReadOnlySpan<int> kept = _kept.AsSpan(0, _activeLayout.RowCount),
            keptHeadRows = _keptHeadRows.AsSpan(0, _activeLayout.HeadRows.Length);
        Matrix dHidden = Trunk.Workspace.OutputGradient(keptHeadRows.Length);
        Head.Backward(_activeLayout, Trunk.Workspace.Output(_forwardLayout.HeadRows.Length), keptHeadRows, gradient, dHidden, update);
        Trunk.Backward(_activeLayout, kept, keptHeadRows, dHidden, update, embedding: Head.WritesEmbedding ? Update.Add : update);
    }

    /// <inheritdoc/>
    public void HiddenStates(ReadOnlySpan<int> tokens, int layer, Span<float> destination)
    {
        using Turn turn = TakeTurn();
        CheckHiddenStates(tokens, layer, destination.Length);
        _forwardLayout.BuildPrompt(tokens, HeadRows.EveryRow);
        Matrix hidden = layer == Info.LayerCount ? Trunk.Forward(_forwardLayout, keep: false) : Trunk.Residual(_forwardLayout, layer);
        for (int t = 0; t < tokens.Length; t++)
            hidden.RowSpan(t).CopyTo(destination.Slice(t * Info.HiddenSize, Info.HiddenSize));
    }

    /// <inheritdoc/>
    protected override unsafe double GradientNormCore()
    {
        if (Parameters.GradientIsZero)
            return 0;
        foreach (OwnPiece piece in Share.Own)
            AdamW.SquaresByBlock(Pool, piece.Length, Parameters.Gradient + piece.Start,
                _partialSums.AsSpan((int)(piece.Start / AdamW.BlockSize)));
        Share.GatherBlocks(_partialSums);
        _gradientNorm = (Parameters.GradientVersion, Math.Sqrt(AdamW.Sum(_partialSums)));
        return _gradientNorm.Norm;
    }

    /// <inheritdoc/>
    /// <exception cref="NonFiniteStepException">The gradient is not finite, or the step would leave weights or moments that are not;
    /// nothing was changed.</exception>
    protected override void ApplyGradientsCore(in AdamWStep step)
    {
        // Whoever clips has just asked for the norm.
        double norm = !Parameters.GradientIsZero && _gradientNorm.Version == Parameters.GradientVersion
            ? _gradientNorm.Norm : GradientNormCore();
        _update.Apply(Share, step, norm);
        Parameters.ClearGradient();
    }

    /// <inheritdoc/>
    protected override void ClearGradientsCore()
    {
        Parameters.ClearGradient();
        _leaves.Clear();
    }

    /// <inheritdoc/>
    protected override void SaveModelCore(CheckpointFiles files) => ModelFiles.Save(files, Config, Parameters, Options.SavedType);

    /// <inheritdoc/>
    protected override void SaveTrainingStateCore(CheckpointFiles files) =>
        TrainingStateFile.Save(files, Parameters, Share, withWeights: (Options.SavedType ?? Config.DType) != TensorDType.F32);

    /// <inheritdoc/>
    protected override void LoadTrainingStateCore(string folder) => TrainingStateFile.Load(Pool, folder, Config, Parameters, Share);

    /// <inheritdoc/>
    protected override void DisposeCore()
    {
        Pool.Dispose();
        Trunk.Dispose();
        KeptValues.Dispose();
        _leaves.Dispose();
        Parameters.Dispose();
    }
}
