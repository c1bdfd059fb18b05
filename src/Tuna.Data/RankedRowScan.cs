using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace Tuna.Data;

/// <summary>Where the values of one row of <see cref="RankedFormat"/> stand in its bytes. Used again for row after row.</summary>
internal sealed class RankedRowScan
{
    // Each is compared with those before it: rows of more fields take the full way.
    private const int MostExtra = 32;

    private readonly List<TextSlice> _outputs = [], _scores = [], _models = [], _logProbs = [];
    private readonly List<int?> _tokens = [];
    private readonly List<(TextSlice Name, TextSlice Value)> _extra = [];
    private ReadOnlyMemory<byte> _row;
    private bool _checkedBefore;
    private TextSlice _id, _instruction, _input, _reference;

    public bool IdIsNumber { get; private set; }

    public int CandidateCount => _outputs.Count;

    public JsonText Id => Text(_id);

    public JsonText Instruction => Text(_instruction);

    public bool HasInput => !_input.IsNull;

    public JsonText Input => TextOrEmpty(_input);

    public bool HasReference => !_reference.IsNull;

    public JsonText Reference => TextOrEmpty(_reference);

    private ReadOnlySpan<byte> Row => _row.Span;

    public JsonText Output(int k) => Text(_outputs[k]);

    public double? Score(int k) => Number(_scores, k);

    public double? LogProb(int k) => Number(_logProbs, k);

    public int? TokenCount(int k) => _tokens.Count == 0 ? null : _tokens[k];

    public string? Model(int k, RowContext context) => _models.Count == 0 || _models[k].IsNull ? null : Shared(_models[k], context);

    /// <summary>Finds the values of an ordinary row.</summary>
    /// <param name="row">The row; it stays as it is while the scan is used.</param>
    /// <returns>False when anything is out of the ordinary, errors included: <see cref="RankedFormat.Read"/> is to be asked.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryScan(ReadOnlyMemory<byte> row) => TryScan(row, checkedBefore: false);

    /// <summary>As <see cref="TryScan(ReadOnlyMemory{byte})"/>, also for a row that the full reader has checked and
    /// <see cref="RankedFormat.Write"/> written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool TryScan(ReadOnlyMemory<byte> row, bool checkedBefore)
    {
        Clear(row);
        _checkedBefore = checkedBefore;
        int seen = 0;
        ReadOnlySpan<byte> bytes = row.Span;
        var json = new JsonScanner(bytes);
        if (!json.Take((byte)'{') || json.Take((byte)'}'))
            return false;
        do
        {
            if (!json.TryName(out TextSlice place))
                return false;
            ReadOnlySpan<byte> name = place.Of(bytes);
            int field = OwnField(name);
            if (field >= 0 && !IsFirst(ref seen, field))
                return false;
            bool good = field switch
            {
                0 => TryId(ref json),
                1 => json.TryText(out _instruction),
                2 => json.TryTextOrNull(out _input),
                3 => TryTexts(ref json, _outputs, orNull: false),
                4 => TryNumbers(ref json, _scores),
                5 => json.TryTextOrNull(out _reference),
                6 => TryTexts(ref json, _models, orNull: true),
                7 => TryNumbers(ref json, _logProbs),
                8 => TryIntegers(ref json, _tokens),
                _ => TryExtra(ref json, place),
            };
            if (!good)
                return false;
        }
        while (json.Take((byte)','));
        return json.Take((byte)'}') && json.AtEnd() && !_id.IsNull && !_instruction.IsNull && _outputs.Count > 0
            && Fits(_scores.Count) && Fits(_models.Count) && Fits(_logProbs.Count) && Fits(_tokens.Count) && !_tokens.Exists(t => t < 1);
    }

    /// <summary>The row as an object of its own, exactly as <see cref="RankedFormat.Read"/> gives it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public RankedExample ToExample(RowContext context)
    {
        ReadOnlySpan<byte> row = Row;
        var outputs = new string[_outputs.Count];
        for (int k = 0; k < outputs.Length; k++)
            outputs[k] = Text(_outputs[k]).ToString();
        var models = new string?[_models.Count];
        for (int k = 0; k < models.Length; k++)
            models[k] = Model(k, context);
        var extra = new ExtraField[_extra.Count];
        for (int i = 0; i < extra.Length; i++)
            extra[i] = new(RankedFormat.Names.InRow(Shared(_extra[i].Name, context)), Encoding.UTF8.GetString(_extra[i].Value.Of(row)));
        return new()
        {
            Id = Id.ToString(),
            IdIsNumber = IdIsNumber,
            Instruction = Instruction.ToString(),
            Input = HasInput ? Input.ToString() : null,
            Outputs = outputs,
            Scores = Numbers(_scores),
            Reference = HasReference ? Reference.ToString() : null,
            Models = models,
            LogProbs = Numbers(_logProbs),
            TokenCounts = [.. _tokens],
            Extra = extra,
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Clear(ReadOnlyMemory<byte> row)
    {
        _row = row;
        _id = _instruction = _input = _reference = TextSlice.Null;
        IdIsNumber = false;
        _outputs.Clear();
        _scores.Clear();
        _models.Clear();
        _logProbs.Clear();
        _tokens.Clear();
        _extra.Clear();
    }

    private JsonText Text(TextSlice slice) => new(Row, slice);

    private JsonText TextOrEmpty(TextSlice slice) => slice.IsNull ? default : Text(slice);

    private string Shared(TextSlice slice, RowContext context)
    {
        JsonText text = Text(slice);
        return (text.IsPlain ? context.Shared(text.Raw) : null) ?? text.ToString();
    }

    private double? Number(List<TextSlice> slices, int k) =>
        slices.Count == 0 || slices[k].IsNull ? null : JsonScanner.Double(slices[k].Of(Row));

    private double?[] Numbers(List<TextSlice> slices)
    {
        var numbers = new double?[slices.Count];
        for (int k = 0; k < numbers.Length; k++)
            numbers[k] = Number(slices, k);
        return numbers;
    }

    private bool Fits(int count) => count == 0 || count == _outputs.Count;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private bool TryId(ref JsonScanner json)
    {
        IdIsNumber = json.TryNumber(out _id);
        return IdIsNumber || json.TryText(out _id);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int OwnField(ReadOnlySpan<byte> name) => name switch
    {
        _ when name.SequenceEqual("id"u8) => 0,
        _ when name.SequenceEqual("instruction"u8) => 1,
        _ when name.SequenceEqual("input"u8) => 2,
        _ when name.SequenceEqual("output"u8) => 3,
        _ when name.SequenceEqual("score"u8) => 4,
        _ when name.SequenceEqual("reference"u8) => 5,
        _ when name.SequenceEqual("model"u8) => 6,
        _ when name.SequenceEqual("logprob"u8) => 7,
        _ when name.SequenceEqual("tokens"u8) => 8,
        _ => -1,
    };

    private static bool IsFirst(ref int seen, int field)
    {
        bool first = (seen & (1 << field)) == 0;
        seen |= 1 << field;
        return first;
    }

    private bool TryExtra(ref JsonScanner json, TextSlice name)
    {
        // A name of the format's own may be written with escapes, too; and what looks like one is for the full reader to judge.
        if (_checkedBefore)
        {
            bool good = json.TryValue(out TextSlice checkedValue);
            _extra.Add((name, checkedValue));
            return good;
        }

        ReadOnlySpan<byte> text = name.Of(Row);
        bool escaped = text.Contains((byte)'\\');
        if (_extra.Count == MostExtra || IsNearOwn(text) || (escaped && RankedFormat.Names.IsReserved(Text(name).ToString()))
            || !json.TryValue(out TextSlice value))
            return false;
        foreach ((TextSlice other, _) in _extra)
        {
            if (escaped || other.Of(Row).Contains((byte)'\\')
                ? Text(other).ToString() == Text(name).ToString() : other.Bytes == name.Bytes && other.Of(Row).SequenceEqual(text))
                return false;
        }

        _extra.Add((name, value));
        return true;
    }

    private static bool IsNearOwn(ReadOnlySpan<byte> name) =>
        name.StartsWith("_extra_"u8) || (name.Length is 5 or 6 && (name[0] | 0x20) == 's' && Ascii.EqualsIgnoreCase(name[..5], "score"u8));

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryTexts(ref JsonScanner json, List<TextSlice> items, bool orNull)
    {
        items.Clear();
        if (!json.Take((byte)'['))
            return false;
        do
        {
            TextSlice item;
            if (!(orNull ? json.TryTextOrNull(out item) : json.TryText(out item)))
                return false;
            items.Add(item);
        }
        while (json.Take((byte)','));
        return json.Take((byte)']');
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryNumbers(ref JsonScanner json, List<TextSlice> items)
    {
        items.Clear();
        if (!json.Take((byte)'['))
            return false;
        do
        {
            if (!json.TryNumberOrNull(out TextSlice item))
                return false;
            items.Add(item);
        }
        while (json.Take((byte)','));
        return json.Take((byte)']');
    }

    private static bool TryIntegers(ref JsonScanner json, List<int?> items)
    {
        items.Clear();
        if (!json.Take((byte)'['))
            return false;
        do
        {
            if (!json.TryIntegerOrNull(out int? item))
                return false;
            items.Add(item);
        }
        while (json.Take((byte)','));
        return json.Take((byte)']');
    }
}
