using System.Runtime.CompilerServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Tuna.Data.Containers;
using Tuna.IO;

namespace Tuna.Data;

/// <summary>Reads and writes files of rows, one row at a time: JSON Lines, or one JSON array; reads Parquet and CSV too, and unpacks gzip
/// and Zstandard. Memory does not grow with the file.</summary>
/// <remarks>
/// On reading the container is told by the first bytes, not by the name alone. Text is UTF-8, with or without a byte order mark; CRLF and
/// blank lines are accepted. Writing goes to a temporary file beside the target, which is renamed at the end, so that a reader never meets
/// half a file.
/// </remarks>
public static class DataFile
{
    /// <summary>Reads a file, row by row as the sequence is taken.</summary>
    /// <param name="path">The file.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    /// <exception cref="DataFormatException">A row cannot be used; the message says where and why.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IEnumerable<T> Read<T>(string path, RowFormat<T> format, DataReadOptions? options = null)
        where T : class
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(format);
        options ??= DataReadOptions.Default;
        options.Validate();
        return Rows();

        IEnumerable<T> Rows()
        {
            using Stream stream = Open(path);
            foreach (T row in Read(stream, path, format, options))
                yield return row;
        }
    }

    /// <summary>Reads several files as one: a row without an id is named by its position in all of them, and ids are unique over
    /// all.</summary>
    /// <inheritdoc cref="Read{T}(string, RowFormat{T}, DataReadOptions)" path="/remarks|/exception|/typeparam"/>
    /// <param name="paths">The files.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    public static IEnumerable<T> Read<T>(IReadOnlyList<string> paths, RowFormat<T> format, DataReadOptions? options = null)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(format);
        options ??= DataReadOptions.Default;
        options.Validate();
        return Rows();

        IEnumerable<T> Rows()
        {
            DataReadOptions joined = paths.Count < 2 ? options : options with { Joined = new() };
            foreach (string path in paths)
            {
                foreach (T row in Read(path, format, joined))
                    yield return row;
            }
        }
    }

    /// <summary>Reads a stream, row by row as the sequence is taken; the stream is left open.</summary>
    /// <inheritdoc cref="Read{T}(string, RowFormat{T}, DataReadOptions)" path="/remarks|/exception|/typeparam"/>
    /// <param name="stream">The bytes.</param>
    /// <param name="name">Names the stream in errors.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    public static IEnumerable<T> Read<T>(Stream stream, string name, RowFormat<T> format, DataReadOptions? options = null)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(format);
        options ??= DataReadOptions.Default;
        options.Validate();
        return Rows();

        IEnumerable<T> Rows()
        {
            using DataContainer data = DataContainer.Open(stream, name, options.MaxRowBytes);
            using var rows = new RowReader<T>(name, format, options, data.Rows);
            while (true)
            {
                switch (rows.Next(out T? row))
                {
                    case RowSplitter.Result.Row when rows.Join is { } join:
                        foreach (T joined in join.Add(row!))
                            yield return joined;
                        break;
                    case RowSplitter.Result.Row:
                        yield return row!;
                        break;
                    case RowSplitter.Result.NeedData:
                        rows.Splitter.Filled(data.Json!.Read(rows.Splitter.FreeSpace().Span));
                        break;
                    default:
                        foreach (T joined in rows.Join?.End() ?? [])
                            yield return joined;
                        yield break;
                }
            }
        }
    }

    /// <summary>Reads a file, row by row, without holding a thread while the disk works.</summary>
    /// <inheritdoc cref="Read{T}(string, RowFormat{T}, DataReadOptions)" path="/remarks|/exception|/typeparam"/>
    /// <param name="path">The file.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    /// <param name="cancellationToken">Stops between reads.</param>
    public static IAsyncEnumerable<T> ReadAsync<T>(string path, RowFormat<T> format, DataReadOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : class
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(format);
        options ??= DataReadOptions.Default;
        options.Validate();
        return Rows(cancellationToken);

        async IAsyncEnumerable<T> Rows([EnumeratorCancellation] CancellationToken token)
        {
            RefuseFolder(path);
            SpecialFile.Refuse(path);
            await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0,
                FileOptions.SequentialScan | FileOptions.Asynchronous);
            await foreach (T row in ReadAsync(stream, path, format, options, token).ConfigureAwait(false))
                yield return row;
        }
    }

    /// <summary>Reads a stream, row by row, asynchronously; the stream is left open.</summary>
    /// <inheritdoc cref="Read{T}(string, RowFormat{T}, DataReadOptions)" path="/remarks|/exception|/typeparam"/>
    /// <param name="stream">The bytes.</param>
    /// <param name="name">Names the stream in errors.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    /// <param name="cancellationToken">Stops between reads.</param>
    public static IAsyncEnumerable<T> ReadAsync<T>(Stream stream, string name, RowFormat<T> format, DataReadOptions? options = null,
        CancellationToken cancellationToken = default)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(format);
        options ??= DataReadOptions.Default;
        options.Validate();
        return Rows(cancellationToken);

        async IAsyncEnumerable<T> Rows([EnumeratorCancellation] CancellationToken token)
        {
            using DataContainer data = DataContainer.Open(stream, name, options.MaxRowBytes);
            using var rows = new RowReader<T>(name, format, options, data.Rows);
            while (true)
            {
                switch (rows.Next(out T? row))
                {
                    case RowSplitter.Result.Row when rows.Join is { } join:
                        foreach (T joined in join.Add(row!))
                            yield return joined;
                        break;
                    case RowSplitter.Result.Row:
                        yield return row!;
                        break;
                    case RowSplitter.Result.NeedData:
                        rows.Splitter.Filled(await data.Json!.ReadAsync(rows.Splitter.FreeSpace(), token).ConfigureAwait(false));
                        break;
                    default:
                        foreach (T joined in rows.Join?.End() ?? [])
                            yield return joined;
                        yield break;
                }
            }
        }
    }

    private static readonly string[] DataExtensions =
        [.. from inner in (string[])[".jsonl", ".json", ".csv", ".tsv", ".parquet"] from outer in (string[])["", ".gz", ".zst"] select inner
        + outer];

    /// <summary>Text stays readable: only what JSON demands is escaped. The files are not embedded in HTML.</summary>
    internal static JsonWriterOptions WriterOptions { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static FileStream Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        RefuseFolder(path);
        SpecialFile.Refuse(path);
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0, FileOptions.SequentialScan);
    }

    private static void RefuseFolder(string path)
    {
        if (!Directory.Exists(path))
            return;
        string[] files = [.. Directory.EnumerateFiles(path, "*",
            new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true })
            .Where(f => DataExtensions.Any(e => f.EndsWith(e, StringComparison.OrdinalIgnoreCase))).Order(StringComparer.Ordinal).Take(5)];
        throw new DataFormatException(
            files.Length == 0 ? "this is a folder, and there is no file of rows in it. Name a file."
                : $"this is a folder. Name the files in it: {string.Join(", ", files)}.", DataPlace.Whole(path));
    }

    /// <summary>Writes a file of rows as they come and puts it in place at the end.</summary>
    /// <param name="path">The file; an existing one is replaced when all rows are written.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="format">The row's form.</param>
    /// <param name="layout">Lines or an array; <see cref="DataLayout.ByExtension"/> takes an array for <c>.json</c> and lines
    /// otherwise.</param>
    /// <returns>Number of rows.</returns>
    public static long Write<T>(string path, IEnumerable<T> rows, RowFormat<T> format, DataLayout layout = DataLayout.ByExtension)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(rows);
        using var writer = new DataFileWriter<T>(path, format, layout);
        foreach (T row in rows)
            writer.Write(row);
        writer.Complete();
        return writer.Count;
    }

    /// <summary>Writes a file of rows as they arrive and puts it in place at the end; when cancelled, the old file stays.</summary>
    /// <inheritdoc cref="Write{T}"/>
    public static async Task<long> WriteAsync<T>(string path, IAsyncEnumerable<T> rows, RowFormat<T> format,
        DataLayout layout = DataLayout.ByExtension, CancellationToken cancellationToken = default)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(rows);
        using var writer = new DataFileWriter<T>(path, format, layout);
        await foreach (T row in rows.WithCancellation(cancellationToken).ConfigureAwait(false))
            writer.Write(row);
        writer.Complete();
        return writer.Count;
    }
}

/// <summary>How rows stand in a file.</summary>
public enum DataLayout
{
    /// <summary>An array for <c>.json</c>, lines otherwise.</summary>
    ByExtension,

    /// <summary>JSON Lines: one object a line.</summary>
    Lines,

    /// <summary>One JSON array of objects, an element a line.</summary>
    Array,
}
