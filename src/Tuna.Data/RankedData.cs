using Tuna.Data.Formats;

namespace Tuna.Data;

/// <summary>Files of <see cref="RankedExample"/>s: read in any known form, told by the fields of the first row
/// (<see cref="RankedFormats"/>), and written in the form of <see cref="RankedFormat"/>.</summary>
public static class RankedData
{
    /// <inheritdoc cref="DataFile.Read{T}(string, RowFormat{T}, DataReadOptions)"/>
    public static IEnumerable<RankedExample> Read(string path, DataReadOptions? options = null) =>
        DataFile.Read(path, RankedFormats.Any.Instance, options);

    /// <summary>Reads several files, each of its own form, as one: a row without an id is named by its position in all of them, and ids are
    /// unique over all.</summary>
    /// <inheritdoc cref="DataFile.Read{T}(string, RowFormat{T}, DataReadOptions)" path="/remarks|/exception|/typeparam"/>
    /// <param name="paths">The files.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    public static IEnumerable<RankedExample> Read(IReadOnlyList<string> paths, DataReadOptions? options = null) =>
        DataFile.Read(paths, RankedFormats.Any.Instance, options);

    /// <inheritdoc cref="DataFile.ReadAsync{T}(string, RowFormat{T}, DataReadOptions, CancellationToken)"/>
    public static IAsyncEnumerable<RankedExample> ReadAsync(string path, DataReadOptions? options = null,
        CancellationToken cancellationToken = default) =>
        DataFile.ReadAsync(path, RankedFormats.Any.Instance, options, cancellationToken);

    /// <inheritdoc cref="DataFile.Write{T}"/>
    public static long Write(string path, IEnumerable<RankedExample> rows, DataLayout layout = DataLayout.ByExtension) =>
        DataFile.Write(path, rows, RankedFormat.Instance, layout);
}

/// <summary>
/// Files of <see cref="InstructionExample"/>s: read in any known form, told by the fields of the first row, and written in the form of
/// <see cref="InstructionFormat"/>. Of ranked rows the best candidate is
/// the response, or the reference where nothing is ranked.
/// </summary>
public static class InstructionData
{
    /// <inheritdoc cref="DataFile.Read{T}(string, RowFormat{T}, DataReadOptions)"/>
    public static IEnumerable<InstructionExample> Read(string path, DataReadOptions? options = null) =>
        DataFile.Read(path, InstructionForms.Any.Instance, options);

    /// <inheritdoc cref="RankedData.Read(IReadOnlyList{string}, DataReadOptions)"/>
    public static IEnumerable<InstructionExample> Read(IReadOnlyList<string> paths, DataReadOptions? options = null) =>
        DataFile.Read(paths, InstructionForms.Any.Instance, options);

    /// <inheritdoc cref="DataFile.ReadAsync{T}(string, RowFormat{T}, DataReadOptions, CancellationToken)"/>
    public static IAsyncEnumerable<InstructionExample> ReadAsync(string path, DataReadOptions? options = null,
        CancellationToken cancellationToken = default) =>
        DataFile.ReadAsync(path, InstructionForms.Any.Instance, options, cancellationToken);

    /// <inheritdoc cref="DataFile.Write{T}"/>
    public static long Write(string path, IEnumerable<InstructionExample> rows, DataLayout layout = DataLayout.ByExtension) =>
        DataFile.Write(path, rows, InstructionFormat.Instance, layout);
}
