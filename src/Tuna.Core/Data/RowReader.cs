using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Tuna.Data;

/// <summary>One reading of a file: cuts rows, parses them, checks ids, and turns every failure into an error that names the place.</summary>
internal sealed class RowReader<T>(string source, RowFormat<T> format, DataReadOptions options) : IDisposable
    where T : class
{
    private readonly RowContext _context = new(source);
    private readonly IdSet? _ids = options.DuplicateIds == DuplicateIds.Allow ? null : new();

    public RowSplitter Splitter { get; } = new(source, options.MaxRowBytes);

    /// <summary>The next row that can be used.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public RowSplitter.Result Next([MaybeNull] out T row)
    {
        while (true)
        {
            row = default;
            RowSplitter.Result result = Splitter.Next(out ReadOnlyMemory<byte> bytes);
            if (result != RowSplitter.Result.Row)
                return result;
            try
            {
                row = Parse(bytes);
                if (IsNew(row))
                    return result;
            }
            catch (DataFormatException e) when (options.OnInvalidRow is not null)
            {
                options.OnInvalidRow(e);
            }
        }
    }

    public void Dispose() => Splitter.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private T Parse(ReadOnlyMemory<byte> bytes)
    {
        _context.Place = Splitter.Place;
        _context.RowId = null;
        _context.Raw = bytes;
        if (format.TryReadQuickly(bytes.Span, _context) is { } quick)
            return quick;
        _context.RowId = null;
        var reader = new Utf8JsonReader(bytes.Span);
        try
        {
            reader.Read();
            T row = format.Read(ref reader, _context);
            reader.Read(); // throws when something follows the row
            return row;
        }
        catch (JsonException e)
        {
            throw _context.Error(Explain(e, bytes.Span, Splitter.Unterminated), null);
        }
    }

    private bool IsNew(T row)
    {
        if (_ids is null || format.IdOf(row) is not { } id || _ids.Add(StableHash.Of128(id)))
            return true;
        if (options.DuplicateIds == DuplicateIds.KeepFirst)
            return false;
        throw _context.Error($"an earlier row has this id too. Make ids unique, or read with {nameof(DuplicateIds)}.{nameof(DuplicateIds.KeepFirst)} or {nameof(DuplicateIds.Allow)}.", "id");
    }

    private static string Explain(JsonException e, ReadOnlySpan<byte> json, bool unterminated)
    {
        int offset = Offset(json, e.LineNumber ?? 0, e.BytePositionInLine ?? 0);
        ReadOnlySpan<byte> rest = json[offset..];
        if (rest.StartsWith("NaN"u8) || rest.StartsWith("Infinity"u8) || rest.StartsWith("-Infinity"u8))
            return $"NaN and Infinity are not JSON (at byte {offset} of the row). Write null for a missing score.";
        string reason = e.Message.Split(" LineNumber:", 2)[0].Split(" Path:", 2)[0];
        string hint = unterminated && offset >= json.Length - 1 ? " The last line is cut off, as after an interrupted write: delete or complete it."
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
