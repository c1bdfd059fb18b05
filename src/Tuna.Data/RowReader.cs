using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Tuna.Data.Containers;
using Tuna.Numerics;

namespace Tuna.Data;

/// <summary>One reading of a file: cuts rows, parses them, checks ids, and turns every failure into an error that names the
/// place.</summary>
internal sealed class RowReader<T>(string name, RowFormat<T> format, DataReadOptions options, RowSource? source = null) : IDisposable
    where T : class
{
    private readonly IdSet? _ids = options.DuplicateIds == DuplicateIds.Allow ? null : options.Joined?.Ids ?? new();
    private RowFormat<T>? _format; // null until the first row has told it

    public RowContext Context { get; } = new(name, options) { IsConverted = source is not null };

    /// <summary>Joins or takes apart the file's rows; null where each is a row.</summary>
    public RowJoin<T>? Join { get; private set; }

    public RowSplitter Splitter { get; } = new(name, options.MaxRowBytes);

    /// <summary>The next row that can be used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public RowSplitter.Result Next([MaybeNull] out T row)
    {
        while (source is not null)
        {
            row = default;
            if (!source.Next(out ReadOnlyMemory<byte> bytes))
                return RowSplitter.Result.End;
            if (TryUse(bytes, source.Place, false, null, out row))
                return RowSplitter.Result.Row;
        }

        while (true)
        {
            row = default;
            RowSplitter.Result result = Splitter.Next(out ReadOnlyMemory<byte> bytes);
            if (result != RowSplitter.Result.Row)
                return result;
            if (TryUse(bytes, Splitter.Place, Splitter.Unterminated, null, out row))
                return result;
        }
    }

    /// <summary>Parses and checks a row.</summary>
    /// <param name="bytes">The row.</param>
    /// <param name="place">Where it is.</param>
    /// <param name="unterminated">Whether the file ends with it, without a line feed.</param>
    /// <param name="quick">What <see cref="RowFormat{T}.TryReadQuickly"/> gives, if that is known.</param>
    /// <param name="row">The row, if it can be used.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryUse(ReadOnlyMemory<byte> bytes, DataPlace place, bool unterminated, T? quick, [NotNullWhen(true)] out T? row)
    {
        (Context.Place, Context.RowId, Context.IdIsPosition, Context.Raw) = (place, null, false, bytes);
        row = default;
        try
        {
            if (quick is not null && _format is null)
                Resolve(bytes.Span);
            row = quick is not null && (_format ?? format).TrustsScan ? quick : Parse(bytes.Span, unterminated);
            return IsNew(ref row);
        }
        catch (DataFormatException e) when (options.OnInvalidRow is not null)
        {
            options.OnInvalidRow(e);
            return false;
        }
    }

    public void Dispose()
    {
        if (options.Joined is { } joined)
            joined.RowsBefore += Math.Max(0, Context.Place.Index + 1);
        Splitter.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private T Parse(ReadOnlySpan<byte> bytes, bool unterminated)
    {
        RowFormat<T> rowFormat = _format ?? Resolve(bytes);
        if (rowFormat.TryReadQuickly(Context) is { } quick)
            return quick;
        Context.RowId = null;
        var reader = new Utf8JsonReader(bytes);
        try
        {
            RowNames.Check(bytes, Context);
            Context.RowId = null;
            reader.Read();
            T row = rowFormat.Read(ref reader, Context);
            reader.Read(); // throws when something follows the row
            return row;
        }
        catch (JsonException e)
        {
            throw Context.Error(Explain(e, bytes, unterminated), null);
        }
        catch (InvalidOperationException e) when (e.Source == "System.Text.Json.Rethrowable")
        {
            throw Context.Error(RowContext.NoText, null); // of formats that go through elements, which check text when it is asked for
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool IsNew(ref T row)
    {
        RowFormat<T> rowFormat = _format ?? format;
        if (_ids is null || rowFormat.IdHash(row, Context) is not { } hash || _ids.Add(hash))
            return true;
        if (options.DuplicateIds == DuplicateIds.KeepFirst)
            return false;
        string id = Context.RowId ??= rowFormat.IdOf(row)!;
        if (options.DuplicateIds != DuplicateIds.MakeUnique && !Context.IdIsPosition)
            throw Context.Error(
                $"an earlier row has this id too. Make ids unique: {nameof(DuplicateIds)}.{nameof(DuplicateIds.MakeUnique)} does, as "
                + $"`tuna convert` uses it.", "id");
        string free;
        int n = 2;
        do
            free = string.Create(CultureInfo.InvariantCulture, $"{id}-{n++}");
        while (!_ids.Add(StableHash.Of128(free)));
        row = rowFormat.WithId(row, free, Context);
        Context.Note("the id repeats an earlier row's and was made unique");
        return true;
    }

    // What is no JSON is left to the format itself, which says what is wrong, and the next row tells the form.
    private RowFormat<T> Resolve(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _format = format.ForRows(bytes, Context);
        }
        catch (JsonException)
        {
            return format;
        }

        Join = _format.StartJoin();
        return _format;
    }

    private static string Explain(JsonException e, ReadOnlySpan<byte> json, bool unterminated)
    {
        int offset = Offset(json, e.LineNumber ?? 0, e.BytePositionInLine ?? 0);
        ReadOnlySpan<byte> rest = json[offset..];
        if (rest.StartsWith("NaN"u8) || rest.StartsWith("Infinity"u8) || rest.StartsWith("-Infinity"u8))
            return $"NaN and Infinity are not JSON (at byte {offset} of the row). Write null for a missing score.";
        string reason = e.Message.Split(" LineNumber:", 2)[0].Split(" Path:", 2)[0];
        string hint = unterminated && offset >= json.Length - 1
            ? " The last line is cut off, as after an interrupted write: delete or complete it."
            : json[0] == '{' && json.Length == 1 ? " A row of JSONL stands on one line; pretty-printed rows belong into an array."
            : " Correct the row or delete it.";
        return $"not valid JSON at byte {offset} of the row: {reason}{hint}";
    }

    private static int Offset(ReadOnlySpan<byte> json, long line, long position)
    {
        int offset = 0;
        for (; line > 0; line--)
            offset += json[offset..].IndexOf((byte)'\n') + 1;
        return (int)Math.Min(json.Length, offset + position);
    }
}
