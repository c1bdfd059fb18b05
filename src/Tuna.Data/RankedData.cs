namespace Tuna.Data;

/// <summary>Files of <see cref="RankedExample"/>s in the form of <see cref="RankedFormat"/>: shorthand for <see cref="DataFile"/>.</summary>
public static class RankedData
{
    /// <inheritdoc cref="DataFile.Read{T}(string, RowFormat{T}, DataReadOptions)"/>
    public static IEnumerable<RankedExample> Read(string path, DataReadOptions? options = null) => DataFile.Read(path, RankedFormat.Instance, options);

    /// <inheritdoc cref="DataFile.ReadAsync{T}(string, RowFormat{T}, DataReadOptions, CancellationToken)"/>
    public static IAsyncEnumerable<RankedExample> ReadAsync(string path, DataReadOptions? options = null, CancellationToken cancellationToken = default) =>
        DataFile.ReadAsync(path, RankedFormat.Instance, options, cancellationToken);

    /// <inheritdoc cref="DataFile.Write{T}"/>
    public static long Write(string path, IEnumerable<RankedExample> rows, DataLayout layout = DataLayout.ByExtension) => DataFile.Write(path, rows, RankedFormat.Instance, layout);
}

/// <summary>Files of <see cref="InstructionExample"/>s in the form of <see cref="InstructionFormat"/>: shorthand for <see cref="DataFile"/>.</summary>
public static class InstructionData
{
    /// <inheritdoc cref="DataFile.Read{T}(string, RowFormat{T}, DataReadOptions)"/>
    public static IEnumerable<InstructionExample> Read(string path, DataReadOptions? options = null) => DataFile.Read(path, InstructionFormat.Instance, options);

    /// <inheritdoc cref="DataFile.ReadAsync{T}(string, RowFormat{T}, DataReadOptions, CancellationToken)"/>
    public static IAsyncEnumerable<InstructionExample> ReadAsync(string path, DataReadOptions? options = null, CancellationToken cancellationToken = default) =>
        DataFile.ReadAsync(path, InstructionFormat.Instance, options, cancellationToken);

    /// <inheritdoc cref="DataFile.Write{T}"/>
    public static long Write(string path, IEnumerable<InstructionExample> rows, DataLayout layout = DataLayout.ByExtension) => DataFile.Write(path, rows, InstructionFormat.Instance, layout);
}
