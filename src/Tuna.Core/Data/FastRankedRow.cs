using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Tuna.Data;

/// <summary>Reads an ordinary row of <see cref="RankedFormat"/> quickly, or not at all.</summary>
internal static class FastRankedRow
{
    /// <summary>Reads a row.</summary>
    /// <returns>The row exactly as <see cref="RankedFormat.Read"/> gives it; null when anything is out of the ordinary, errors included.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static RankedExample? TryRead(ReadOnlySpan<byte> row, RowContext context)
    {
        var json = new FastJson(row, context);
        string? id = null, instruction = null, input = null, reference = null;
        bool number = false;
        string[]? outputs = null;
        double?[] scores = [], logProbs = [];
        string?[] models = [];
        int?[] tokens = [];
        List<ExtraField>? extra = null;
        if (!json.Take((byte)'{') || json.Take((byte)'}'))
            return null;
        do
        {
            if (!json.TryName(out ReadOnlySpan<byte> name))
                return null;
            bool good = name switch
            {
                _ when name.SequenceEqual("id"u8) => TryId(ref json, out id, out number),
                _ when name.SequenceEqual("instruction"u8) => json.TryString(out instruction),
                _ when name.SequenceEqual("input"u8) => json.TryString(out input),
                _ when name.SequenceEqual("output"u8) => TryStrings(ref json, out outputs),
                _ when name.SequenceEqual("score"u8) => TryNumbers(ref json, out scores),
                _ when name.SequenceEqual("reference"u8) => json.TryString(out reference),
                _ when name.SequenceEqual("model"u8) => TryShared(ref json, out models),
                _ when name.SequenceEqual("logprob"u8) => TryNumbers(ref json, out logProbs),
                _ when name.SequenceEqual("tokens"u8) => TryIntegers(ref json, out tokens),
                _ => TryExtra(ref json, context.Shared(name), ref extra),
            };
            if (!good)
                return null;
        }
        while (json.Take((byte)','));
        if (!json.Take((byte)'}') || !json.AtEnd() || id is null || instruction is null || outputs is null
            || !Fits(scores.Length, outputs) || !Fits(models.Length, outputs) || !Fits(logProbs.Length, outputs) || !Fits(tokens.Length, outputs) || Array.Exists(tokens, t => t < 1))
            return null;
        context.RowId = id;
        return new()
        {
            Id = id,
            IdIsNumber = number,
            Instruction = instruction,
            Input = input,
            Outputs = outputs,
            Scores = scores,
            Reference = reference,
            Models = models,
            LogProbs = logProbs,
            TokenCounts = tokens,
            Extra = extra is null ? [] : [.. extra],
        };
    }

    private static bool Fits(int count, string[] outputs) => count == outputs.Length || (count == 0 && outputs.Length > 0);

    private static bool TryId(ref FastJson json, out string? id, out bool number)
    {
        number = json.TryNumberText(out ReadOnlySpan<byte> text);
        id = number ? Encoding.ASCII.GetString(text) : null;
        return number || json.TryString(out id);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryStrings(ref FastJson json, out string[]? items)
    {
        items = null;
        var list = new List<string>(8);
        if (!json.Take((byte)'['))
            return false;
        do
        {
            if (!json.TryString(out string item))
                return false;
            list.Add(item);
        }
        while (json.Take((byte)','));
        items = [.. list];
        return json.Take((byte)']');
    }

    private static bool TryShared(ref FastJson json, out string?[] items)
    {
        items = [];
        var list = new List<string?>(8);
        if (!json.Take((byte)'['))
            return false;
        do
        {
            if (!json.TryShared(out string? item))
                return false;
            list.Add(item);
        }
        while (json.Take((byte)','));
        items = [.. list];
        return json.Take((byte)']');
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryNumbers(ref FastJson json, out double?[] items)
    {
        items = [];
        var list = new List<double?>(8);
        if (!json.Take((byte)'['))
            return false;
        do
        {
            if (!json.TryNumber(out double? item))
                return false;
            list.Add(item);
        }
        while (json.Take((byte)','));
        items = [.. list];
        return json.Take((byte)']');
    }

    private static bool TryIntegers(ref FastJson json, out int?[] items)
    {
        items = [];
        var list = new List<int?>(8);
        if (!json.Take((byte)'['))
            return false;
        do
        {
            int value = 0;
            bool missing = json.TakeNull();
            if (!missing && (!json.TryNumberText(out ReadOnlySpan<byte> text) || !int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)))
                return false;
            list.Add(missing ? null : value);
        }
        while (json.Take((byte)','));
        items = [.. list];
        return json.Take((byte)']');
    }

    private static bool TryExtra(ref FastJson json, string? name, ref List<ExtraField>? extra)
    {
        if (name is null || !json.TryPlainValue(out ReadOnlySpan<byte> value))
            return false;
        (extra ??= []).Add(new(name, Encoding.UTF8.GetString(value)));
        return true;
    }
}
