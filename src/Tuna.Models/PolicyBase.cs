using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Models;

/// <summary>What every engine owes its callers besides arithmetic: checked arguments, one open pass, scoring in chunks, one user at a time,
/// and an end.</summary>
/// <remarks>
/// An engine derives from it and writes the members that end in <c>Core</c>, which are called with checked arguments, by one thread at a
/// time and never after disposal. A second thread that comes while one
/// is inside meets <see cref="InvalidOperationException"/>, as does <see cref="Dispose"/> then; a member that is called later meets
/// <see cref="ObjectDisposedException"/>. The price is one
/// interlocked exchange per call. An engine that samples or shows hidden states implements <see cref="ITrainablePolicy"/> or
/// <see cref="IHiddenStates"/> beside it, within <see cref="TakeTurn"/>.
/// </remarks>
public abstract class PolicyBase : ITrainableScorer
{
    private readonly CopyMemory _copies = new();
    private double[] _values = [];
    private Pass? _open;
    private int _taken; // 1 while a member runs
    private bool _disposed;

    /// <summary>Names the model.</summary>
    /// <param name="info">Its sizes.</param>
    protected PolicyBase(PolicyInfo info)
    {
        ArgumentNullException.ThrowIfNull(info);
        Info = info;
    }

    /// <inheritdoc/>
    public PolicyInfo Info { get; }

    /// <summary>Token rows of a scoring batch: enough to compute at speed, few enough to cost little memory. Default 2048.</summary>
    protected virtual int ScoringRows => 2048;

    /// <summary>Most bytes that a copy of the state may take. Default three quarters of the memory that is free.</summary>
    protected virtual long CopyRoom
    {
        get
        {
            GC.Collect(0); // what is free is known as of a collection
            GCMemoryInfo memory = GC.GetGCMemoryInfo();
            return Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes) / 4 * 3;
        }
    }

    /// <inheritdoc/>
    public void Score(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken = default)
    {
        using Turn turn = TakeTurn();
        int responses = Info.CheckGroups(groups);
        if (values.Length != responses)
            throw new ArgumentException($"The groups have {responses} responses; room was given for {values.Length}.", nameof(values));
        for (int from = 0, to; from < groups.Count; from = to)
        {
            cancellationToken.ThrowIfCancellationRequested();
            to = from + 1;
            int rows = groups[from].TokenCount, count = groups[from].Responses.Count;
            for (; to < groups.Count && rows + groups[to].TokenCount <= ScoringRows; to++)
            {
                rows += groups[to].TokenCount;
                count += groups[to].Responses.Count;
            }

            ScoreCore(groups, from, to, values[..count], cancellationToken);
            values = values[count..];
        }
    }

    /// <inheritdoc/>
    public IForwardPass Forward(IReadOnlyList<TokenGroup> groups, CancellationToken cancellationToken = default)
    {
        using Turn turn = TakeTurn();
        cancellationToken.ThrowIfCancellationRequested();
        int responses = Info.CheckGroups(groups);
        if (responses == 0)
            throw new ArgumentException("A pass needs at least one group.", nameof(groups));
        if (_values.Length < responses)
            _values = new double[responses];
        ForwardCore(groups, _values.AsSpan(0, responses), cancellationToken);
        return _open = new Pass(this, responses);
    }

    /// <inheritdoc/>
    public double GradientNorm()
    {
        using Turn turn = TakeTurn(passMayBeOpen: true);
        return GradientNormCore();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The step's number is below 1, its learning rate or scale is not finite, or a constant
    /// is outside its range.</exception>
    /// <exception cref="InvalidOperationException">A pass is open.</exception>
    public void ApplyGradients(in AdamWStep step)
    {
        using Turn turn = TakeTurn();
        ArgumentNullException.ThrowIfNull(step.Settings, nameof(step));
        step.Settings.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(step.Step, 1, nameof(step));
        if (!double.IsFinite(step.LearningRate) || !double.IsFinite(step.GradientScale))
            throw new ArgumentOutOfRangeException(nameof(step), step, "Learning rate and gradient scale are finite.");
        ApplyGradientsCore(step);
    }

    /// <inheritdoc/>
    public void ClearGradients()
    {
        using Turn turn = TakeTurn(passMayBeOpen: true);
        ClearGradientsCore();
    }

    /// <inheritdoc/>
    public void SaveModel(string folder)
    {
        using Turn turn = TakeTurn(passMayBeOpen: true);
        using CheckpointFiles files = CheckpointFiles.InFolder(folder);
        SaveModelCore(files);
    }

    /// <inheritdoc/>
    public void SaveTrainingState(string folder)
    {
        using Turn turn = TakeTurn();
        using CheckpointFiles files = CheckpointFiles.InFolder(folder);
        SaveTrainingStateCore(files);
    }

    /// <inheritdoc/>
    /// <remarks>Null where <see cref="CopyRoom"/> does not suffice. The memory of a copy that is disposed waits for the next one, until the
    /// model is disposed.</remarks>
    public IStateCopy? CopyState()
    {
        using Turn turn = TakeTurn();
        CheckpointFiles files = CheckpointFiles.InMemory(CopyRoom + _copies.Bytes, _copies);
        try
        {
            SaveModelCore(files);
            SaveTrainingStateCore(files);
            _copies.Trim(); // of a copy that had other files
            return files;
        }
        catch (Exception e)
        {
            files.Dispose();
            if (e is InsufficientMemoryException)
                return null;
            throw;
        }
    }

    /// <inheritdoc/>
    public void LoadTrainingState(string folder)
    {
        using Turn turn = TakeTurn();
        ArgumentException.ThrowIfNullOrEmpty(folder);
        LoadTrainingStateCore(folder);
    }

    /// <summary>Frees what the model holds, an open pass included. Calling it again does nothing.</summary>
    /// <exception cref="InvalidOperationException">Another thread is using the model; nothing is freed.</exception>
    public void Dispose()
    {
        if (_disposed)
            return;
        if (Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
            throw InUse();
        _disposed = true;
        if (_open is not null)
        {
            _open = null;
            ClosePass();
        }

        DisposeCore();
        _copies.Dispose();
        Volatile.Write(ref _taken, 0);
        GC.SuppressFinalize(this);
    }

    /// <summary>Makes the caller the model's one user until the result is disposed.</summary>
    /// <param name="passMayBeOpen">Whether an open pass does not matter to what follows.</param>
    /// <exception cref="ObjectDisposedException">The model was disposed.</exception>
    /// <exception cref="InvalidOperationException">The model is in use, or a pass is open.</exception>
    protected Turn TakeTurn(bool passMayBeOpen = false)
    {
        if (Interlocked.CompareExchange(ref _taken, 1, 0) != 0)
            throw InUse();
        if (!_disposed && (passMayBeOpen || _open is null))
            return new Turn(this);
        Volatile.Write(ref _taken, 0);
        ObjectDisposedException.ThrowIf(_disposed, this);
        throw new InvalidOperationException("A pass is open; dispose it first.");
    }

    /// <summary>Checks the arguments of <see cref="IHiddenStates.HiddenStates"/>.</summary>
    /// <param name="tokens">Token ids, [T].</param>
    /// <param name="layer">Which layer.</param>
    /// <param name="room">Numbers that the destination has room for.</param>
    /// <exception cref="ArgumentException">As <see cref="IHiddenStates.HiddenStates"/> says.</exception>
    protected void CheckHiddenStates(ReadOnlySpan<int> tokens, int layer, int room)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(layer, Info.LayerCount);
        PolicyInfo.CheckTokens(tokens, Info.VocabularySize, "the sequence", nameof(tokens));
        if (tokens.IsEmpty || tokens.Length > Info.ContextLength)
            throw new ArgumentException($"The sequence has {tokens.Length} tokens; 1 to {Info.ContextLength} fit the context.",
                nameof(tokens));
        if (room != (long)tokens.Length * Info.HiddenSize)
            throw new ArgumentException($"There is room for {room} numbers; [{tokens.Length}, {Info.HiddenSize}] are needed.",
                nameof(room));
    }

    /// <summary>Scores the groups <c>from .. to</c>.</summary>
    /// <param name="groups">All groups.</param>
    /// <param name="from">The first.</param>
    /// <param name="to">The one after the last.</param>
    /// <param name="values">Receives the number of each of their responses.</param>
    /// <param name="cancellationToken">May stop within.</param>
    protected abstract void ScoreCore(IReadOnlyList<TokenGroup> groups, int from, int to, Span<double> values,
        CancellationToken cancellationToken);

    /// <summary>Computes a micro-batch and keeps what <see cref="BackwardCore"/> needs; keeps nothing when it throws.</summary>
    /// <param name="groups">The groups, at least one.</param>
    /// <param name="values">Receives the number of each response, [R].</param>
    /// <param name="cancellationToken">May stop within.</param>
    protected abstract void ForwardCore(IReadOnlyList<TokenGroup> groups, Span<double> values, CancellationToken cancellationToken);

    /// <summary>Accumulates the parameters' gradients of the open pass; called at most once for it.</summary>
    /// <param name="gradient">dL/d(number), finite, [R].</param>
    protected abstract void BackwardCore(ReadOnlySpan<double> gradient);

    /// <summary>Drops what the open pass keeps.</summary>
    protected virtual void ClosePass()
    {
    }

    /// <summary>As <see cref="GradientNorm"/>.</summary>
    protected abstract double GradientNormCore();

    /// <summary>As <see cref="ApplyGradients"/>, the step's numbers checked.</summary>
    protected abstract void ApplyGradientsCore(in AdamWStep step);

    /// <summary>As <see cref="ClearGradients"/>.</summary>
    protected abstract void ClearGradientsCore();

    /// <summary>As <see cref="SaveModel"/>.</summary>
    /// <param name="files">Receives them; in memory where the caller wants a copy.</param>
    protected abstract void SaveModelCore(CheckpointFiles files);

    /// <summary>As <see cref="SaveTrainingState"/>.</summary>
    /// <param name="files">Receives them; in memory where the caller wants a copy.</param>
    protected abstract void SaveTrainingStateCore(CheckpointFiles files);

    /// <summary>As <see cref="LoadTrainingState"/>.</summary>
    protected abstract void LoadTrainingStateCore(string folder);

    /// <summary>Frees everything; called once.</summary>
    protected abstract void DisposeCore();

    private static InvalidOperationException InUse() =>
        new("The model is in use: it serves one thread at a time. Wait for the other call, or open a model for each thread.");

    /// <summary>The time during which a model serves one caller.</summary>
    protected readonly struct Turn : IDisposable
    {
        private readonly PolicyBase _model;

        internal Turn(PolicyBase model) => _model = model;

        /// <summary>Lets the next caller in.</summary>
        public void Dispose() => Volatile.Write(ref _model._taken, 0);
    }

    private sealed class Pass(PolicyBase model, int responses) : IForwardPass
    {
        private bool _used;

        public ReadOnlySpan<double> Values
        {
            get
            {
                ThrowIfClosed();
                return model._values.AsSpan(0, responses);
            }
        }

        public void Backward(ReadOnlySpan<double> gradient)
        {
            ThrowIfClosed();
            using Turn turn = model.TakeTurn(passMayBeOpen: true);
            ThrowIfClosed();
            if (_used)
                throw new InvalidOperationException("Backward was already called on this pass.");
            if (gradient.Length != responses)
                throw new ArgumentException($"There are {responses} responses but {gradient.Length} gradients.", nameof(gradient));
            for (int r = 0; r < gradient.Length; r++)
            {
                if (!double.IsFinite(gradient[r]))
                    throw new ArgumentException($"The gradient of response {r} is {gradient[r]}; gradients are finite.", nameof(gradient));
            }

            _used = true;
            if (gradient.ContainsAnyExcept(0.0))
                model.BackwardCore(gradient);
        }

        public void Dispose()
        {
            if (model._open != this)
                return;
            using Turn turn = model.TakeTurn(passMayBeOpen: true);
            model._open = null;
            model.ClosePass();
        }

        private void ThrowIfClosed() => ObjectDisposedException.ThrowIf(model._open != this, this);
    }
}
