namespace Tuna.Distributed;

/// <summary>A group of one: every member has nothing to do.</summary>
internal sealed class SingleProcess : IProcessGroup
{
    private SingleProcess()
    {
    }

    /// <summary>The only one there is.</summary>
    public static SingleProcess Instance { get; } = new();

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public void SumTree(Span<float> values)
    {
    }

    /// <inheritdoc/>
    public void ReduceScatterTree(Span<float> values, ReadOnlySpan<int> bounds)
    {
    }

    /// <inheritdoc/>
    public void GatherParts(Span<float> values, ReadOnlySpan<int> bounds)
    {
    }

    /// <inheritdoc/>
    public void AllGather(ReadOnlySpan<double> mine, Span<double> all) => mine.CopyTo(all);

    /// <inheritdoc/>
    public void Broadcast(Span<byte> bytes, int root = 0)
    {
    }

    /// <summary>Does nothing: whoever fails is the whole group.</summary>
    public void Abort(int exitCode)
    {
    }

    /// <summary>Does nothing.</summary>
    public void Dispose()
    {
    }
}
