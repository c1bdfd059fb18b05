namespace Tuna.Data;

/// <summary>Joins rows of a file that belong together, or takes rows apart; one for each reading.</summary>
internal abstract class RowJoin<T>
{
    /// <summary>Takes a row.</summary>
    /// <returns>Rows that are complete.</returns>
    public abstract IEnumerable<T> Add(T row);

    /// <summary>The rows that were waiting for more.</summary>
    public virtual IEnumerable<T> End() => [];
}
