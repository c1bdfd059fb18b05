namespace Tuna.Data.Containers;

/// <summary>Rows of a container other than JSON, each as a JSON object: so every form is read from every container.</summary>
internal abstract class RowSource : IDisposable
{
    /// <summary>Where the row last given is.</summary>
    public DataPlace Place { get; protected set; }

    /// <summary>The next row; its bytes are good until the next call.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="DataFormatException">The container is damaged.</exception>
    public abstract bool Next(out ReadOnlyMemory<byte> row);

    /// <inheritdoc/>
    public abstract void Dispose();
}
