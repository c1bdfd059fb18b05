using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Tuna.Data.Containers;
using Tuna.Data.Formats;
using Tuna.Numerics;

namespace Tuna.Data;

/// <summary>A cursor over a file of ranked rows whose texts stay in the file's buffer, as UTF-8, until one is asked for.</summary>
/// <remarks>
/// For passes over large files that need few of the texts: counting, splitting, choosing rows. Every row is checked as
/// <see cref="RankedData.Read(string, DataReadOptions)"/> checks it, with the
/// same errors, but for an ordinary one nothing is allocated except the room for its id's hash. What the cursor gives of a row is good
/// until the next <see cref="Read"/>; <see cref="ToExample"/> keeps a row. Used by one thread.
/// </remarks>
/// <example>
/// <code>
/// using var rows = new RankedReader("ranked.jsonl");
/// while (rows.Read())
/// {
///     if (rows.CandidateCount >= 4)
///         kept.Add(rows.ToExample());
/// }
/// </code>
/// </example>
public sealed class RankedReader : IDisposable
{
    private readonly RowReader<RankedRowScan> _rows;
    private readonly Stream? _stream;
    private readonly RankedBlocks? _blocks;
    private DataContainer? _container;
    private Stream? _file; // closed with the cursor
    private readonly DataReadOptions _options;
    private RankedRowScan? _row;
    private RankedBlocks.Block? _block;
    private int _nextInBlock;
    private long _lines, _index;

    /// <summary>Opens a file. A large one is read and scanned by threads of the pool, some blocks ahead.</summary>
    /// <param name="path">The file, JSON Lines or one JSON array.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public RankedReader(string path, DataReadOptions? options = null)
        : this(path, options, RankedBlocks.BlockBytes)
    {
    }

    internal RankedReader(string path, DataReadOptions? options, int blockBytes)
    {
        _options = options ?? DataReadOptions.Default;
        _options.Validate();
        FileStream file = DataFile.Open(path);
        if (RankedBlocks.Suits(file, blockBytes))
            (_blocks, _rows) = (new(file, _options.MaxRowBytes, blockBytes), new(path, ScanFormat.Instance, _options));
        else
            _rows = Open(file, path, out _stream, ownsStream: true);
    }

    /// <summary>Reads a stream, which is left open.</summary>
    /// <param name="stream">The bytes.</param>
    /// <param name="name">Names the stream in errors.</param>
    /// <param name="options">Rules; the defaults when null.</param>
    public RankedReader(Stream stream, string name, DataReadOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(name);
        _options = options ?? DataReadOptions.Default;
        _options.Validate();
        _rows = Open(stream, name, out _stream, ownsStream: false);
    }

    private RowReader<RankedRowScan> Open(Stream stream, string name, out Stream? json, bool ownsStream)
    {
        try
        {
            _container = DataContainer.Open(stream, name, _options.MaxRowBytes);
        }
        catch when (ownsStream)
        {
            stream.Dispose();
            throw;
        }

        _file = ownsStream ? stream : null;
        json = _container.Json;
        return new(name, ScanFormat.Instance, _options, _container.Rows);
    }

    /// <summary>Where the row is.</summary>
    public DataPlace Place => Row is not null ? _rows.Context.Place : default;

    /// <summary>The row as it stands in the file, for writing it elsewhere unchanged.</summary>
    public ReadOnlySpan<byte> Json => Row is not null ? _rows.Context.Raw.Span : default;

    /// <summary>Names the row.</summary>
    public JsonText Id => Row.Id;

    /// <summary>Whether the id is a JSON number.</summary>
    public bool IdIsNumber => Row.IdIsNumber;

    /// <summary>The instruction.</summary>
    public JsonText Instruction => Row.Instruction;

    /// <summary>Whether there is an input.</summary>
    public bool HasInput => Row.HasInput;

    /// <summary>The instruction's input; empty when there is none.</summary>
    public JsonText Input => Row.Input;

    /// <summary>Whether there is an original response.</summary>
    public bool HasReference => Row.HasReference;

    /// <summary>The original response; empty when there is none.</summary>
    public JsonText Reference => Row.Reference;

    /// <summary>N, the number of candidate responses, at least 1.</summary>
    public int CandidateCount => Row.CandidateCount;

    /// <summary>Goes to the next row.</summary>
    /// <returns>Whether there is one.</returns>
    /// <exception cref="DataFormatException">The row cannot be used; the message says where and why.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public bool Read()
    {
        _row = null;
        if (_blocks is not null)
            return ReadFromBlocks(_blocks);
        while (true)
        {
            switch (_rows.Next(out _row))
            {
                case RowSplitter.Result.Row:
                    return true;
                case RowSplitter.Result.NeedData:
                    _rows.Splitter.Filled(_stream!.Read(_rows.Splitter.FreeSpace().Span));
                    break;
                default:
                    return false;
            }
        }
    }

    /// <summary>Candidate k's text.</summary>
    /// <param name="k">[0, <see cref="CandidateCount"/>).</param>
    public JsonText Output(int k) => Row.Output(k);

    /// <summary>Candidate k's score, finite, higher is better; null when it has none.</summary>
    /// <inheritdoc cref="Output"/>
    public double? Score(int k) => Row.Score(k);

    /// <summary>The model that wrote candidate k; null when it is not known.</summary>
    /// <inheritdoc cref="Output"/>
    public string? Model(int k) => Row.Model(k, _rows.Context);

    /// <summary>Candidate k's log-probability under its teacher, summed over its tokens, in nats; null when it is not known.</summary>
    /// <inheritdoc cref="Output"/>
    public double? LogProb(int k) => Row.LogProb(k);

    /// <summary>Candidate k's length in the teacher's tokens; null when it is not known.</summary>
    /// <inheritdoc cref="Output"/>
    public int? TokenCount(int k) => Row.TokenCount(k);

    /// <summary>The row as an object of its own.</summary>
    public RankedExample ToExample() => Row.ToExample(_rows.Context);

    /// <inheritdoc/>
    public void Dispose()
    {
        _row = null;
        _rows.Dispose();
        _blocks?.Dispose();
        _container?.Dispose();
        _file?.Dispose();
    }

    private RankedRowScan Row =>
        _row ?? throw new InvalidOperationException($"There is no row: call {nameof(Read)} first, and stop when it returns false.");

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool ReadFromBlocks(RankedBlocks blocks)
    {
        while (true)
        {
            while (_block is not null && _nextInBlock < _block.Rows.Count)
            {
                int i = _nextInBlock++;
                RankedBlocks.Row row = _block.Rows[i];
                if (_rows.TryUse(_block.Bytes(row), At(row.Line), !row.IsTerminated, _block.Scan(i), out _row))
                    return true;
            }

            if (_block is { EndsInTooLongRow: true })
                throw new DataFormatException(RowSplitter.TooLong(_options.MaxRowBytes), At(_block.Lines));
            if (_block is { IsLast: true })
                return false;
            _lines += _block?.Lines ?? 0;
            _index += _block?.Rows.Count ?? 0;
            _nextInBlock = 0;
            _block = blocks.Next(_block);
        }
    }

    private DataPlace At(int line) => new(_rows.Context.Place.Source, _lines + line + 1, _index + Math.Max(0, _nextInBlock - 1), false);

    /// <summary>Rows as scans of their bytes. A row out of the ordinary, or of another form, is read by its format and written again in the
    /// ordinary form.</summary>
    private sealed class ScanFormat(RowFormat<RankedExample> form) : RowFormat<RankedRowScan>
    {
        public static readonly ScanFormat Instance = new(RankedFormats.Any.Instance);

        public override RankedRowScan Read(ref Utf8JsonReader reader, RowContext context) => Scan(form.Read(ref reader, context), context);

        internal override bool TrustsScan => form is RankedFormat;

        internal override RowFormat<RankedRowScan> ForRows(ReadOnlySpan<byte> first, RowContext context)
        {
            RowFormat<RankedExample> found = form.ForRows(first, context);
            return found.StartJoin() is null ? new ScanFormat(found)
                : throw context.Error(
                    $"rows of this form are joined, or taken apart: read them with {nameof(RankedData)}, or convert the file first.");
        }

        internal override RankedRowScan WithId(RankedRowScan row, string id, RowContext context) =>
            Scan(row.ToExample(context) with { Id = id, IdIsNumber = false }, context);

        private static RankedRowScan Scan(RankedExample row, RowContext context)
        {
            var bytes = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(bytes))
                RankedFormat.Instance.Write(writer, row);
            return context.Scan.TryScan(bytes.WrittenMemory, checkedBefore: true) ? context.Scan
                : throw new InvalidOperationException($"Row '{row.Id}' cannot be read once it is written.");
        }

        public override void Write(Utf8JsonWriter writer, RankedRowScan row) => throw new NotSupportedException();

        public override string? IdOf(RankedRowScan row) => row.Id.ToString();

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        internal override RankedRowScan? TryReadQuickly(RowContext context) =>
            TrustsScan && context.Scan.TryScan(context.Raw) ? context.Scan : null;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        internal override UInt128? IdHash(RankedRowScan row, RowContext context)
        {
            JsonText id = row.Id;
            Span<char> chars = context.CharBuffer(id.Length);
            return StableHash.Of128(chars[..id.CopyTo(chars)]);
        }
    }
}
