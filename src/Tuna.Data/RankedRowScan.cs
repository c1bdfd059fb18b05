using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace Tuna.Data;

/// <summary>Where the values of one row of <see cref="RankedFormat"/> stand in its bytes. Used again for row after row.</summary>
internal sealed class RankedRowScan
{
    private readonly List<TextSlice> _outputs = [], _scores = [], _models = [], _logProbs = [];
    private readonly List<int?> _tokens = [];
    private readonly List<(TextSlice Name, TextSlice Value)> _extra = [];
    private ReadOnlyMemory<byte> _row;
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
    public bool TryScan(ReadOnlyMemory<byte> row)
    {
        Clear(row);
        ReadOnlySpan<byte> bytes = row.Span;
        var json = new JsonScanner(bytes);
        if (!json.Take((byte)'{') || json.Take((byte)'}'))
            return false;
        do
        {
            if (!json.TryName(out TextSlice place))
                return false;
            ReadOnlySpan<byte> name = place.Of(bytes);
            bool good = name switch
            {
                _ when name.SequenceEqual("id"u8) => TryId(ref json),
                _ when name.SequenceEqual("instruction"u8) => json.TryText(out _instruction),
                _ when name.SequenceEqual("input"u8) => json.TryTextOrNull(out _input),
                _ when name.SequenceEqual("output"u8) => TryTexts(ref json, _outputs, orNull: false),
                _ when name.SequenceEqual("score"u8) => TryNumbers(ref json, _scores),
                _ when name.SequenceEqual("reference"u8) => json.TryTextOrNull(out _reference),
                _ when name.SequenceEqual("model"u8) => TryTexts(ref json, _models, orNull: true),
                _ when name.SequenceEqual("logprob"u8) => TryNumbers(ref json, _logProbs),
                _ when name.SequenceEqual("tokens"u8) => TryIntegers(ref json, _tokens),
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
            extra[i] = new(Shared(_extra[i].Name, context), Encoding.UTF8.GetString(_extra[i].Value.Of(row)));
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

    private double? Number(List<TextSlice> slices, int k) => slices.Count == 0 || slices[k].IsNull ? null : JsonScanner.Double(slices[k].Of(Row));

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

    private bool TryExtra(ref JsonScanner json, TextSlice name)
    {
        // A name of the format's own may be written with escapes, too.
        if ((name.Bytes != name.Chars && RankedFormat.HasField(Text(name).ToString())) || !json.TryValue(out TextSlice value))
            return false;
        _extra.Add((name, value));
        return true;
    }

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
