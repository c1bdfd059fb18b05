using System.Globalization;
using System.Text.Json;
using Parquet.Data;
using Parquet.Schema;

namespace Tuna.Data.Containers;

/// <summary>A column of a row group, or a group of columns, from which one row's value after another is written as JSON.</summary>
/// <remarks>
/// Each leaf keeps its place among its values. An entry's definition level says how much of the path to it is there, its repetition level
/// which list it continues (Melnik et al., Dremel, 2010).
/// </remarks>
internal abstract class ParquetNode(string name) : IDisposable
{
    /// <summary>The field's name.</summary>
    public string Name => name;

    /// <summary>The first leaf, whose levels speak for the whole.</summary>
    protected abstract ParquetLeaf First { get; }

    /// <summary>Reads the columns of a field.</summary>
    public static ParquetNode Of(Field field, Func<DataField, RawColumnData> read) => field switch
    {
        DataField { IsArray: true } leaf => new ParquetList(field, new ParquetLeaf(leaf, read(leaf))),
        DataField leaf => new ParquetLeaf(leaf, read(leaf)),
        StructField group => new ParquetGroup(field, [.. group.Fields.Select(f => Of(f, read))]),
        ListField list => new ParquetList(field, Of(list.Item, read)),
        MapField map => new ParquetList(field,
            new ParquetGroup(new StructField(map.Name, map.Key, map.Value), [Of(map.Key, read), Of(map.Value, read)],
            map.MaxDefinitionLevel)),
        _ => throw new NotSupportedException($"a field of the kind {field.GetType().Name} ({field.Name}) is not read"),
    };

    /// <summary>Writes the next value.</summary>
    public abstract void Write(Utf8JsonWriter json);

    /// <summary>Goes past an entry in which the value is not there.</summary>
    public abstract void Skip();

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>The leaf of a node.</summary>
    protected static ParquetLeaf FirstOf(ParquetNode node) => node.First;
}

/// <summary>A struct.</summary>
internal sealed class ParquetGroup(Field field, ParquetNode[] members, int? level = null) : ParquetNode(field.Name)
{
    private readonly int _level = level ?? field.MaxDefinitionLevel;

    protected override ParquetLeaf First => FirstOf(members[0]);

    public override void Write(Utf8JsonWriter json)
    {
        if (First.Definition < _level)
        {
            Skip();
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        foreach (ParquetNode member in members)
        {
            json.WritePropertyName(member.Name);
            member.Write(json);
        }

        json.WriteEndObject();
    }

    public override void Skip()
    {
        foreach (ParquetNode member in members)
            member.Skip();
    }

    public override void Dispose()
    {
        foreach (ParquetNode member in members)
            member.Dispose();
    }
}

/// <summary>A list, or a map as a list of its keys and values.</summary>
internal sealed class ParquetList(Field field, ParquetNode item) : ParquetNode(field.Name)
{
    protected override ParquetLeaf First => FirstOf(item);

    public override void Write(Utf8JsonWriter json)
    {
        int there = field.MaxDefinitionLevel; // with at least one item; one less is an empty list, where the field's own group is repeated
        if (field is DataField { IsNullable: true })
            there--;
        if (First.Definition < there)
        {
            bool empty = First.Definition == there - 1;
            Skip();
            if (empty)
            {
                json.WriteStartArray();
                json.WriteEndArray();
            }
            else
            {
                json.WriteNullValue();
            }

            return;
        }

        json.WriteStartArray();
        do
            item.Write(json);
        while (First.Repetition == field.MaxRepetitionLevel);
        json.WriteEndArray();
    }

    public override void Skip() => item.Skip();

    public override void Dispose() => item.Dispose();
}

/// <summary>A column of values.</summary>
internal sealed class ParquetLeaf : ParquetNode
{
    private readonly DataField _field;
    private readonly RawColumnData _data;
    private readonly Func<int, object> _value;
    private readonly int _entries;
    private int _entry;
    private int _next;

    public ParquetLeaf(DataField field, RawColumnData data)
        : base(field.Name)
    {
        (_field, _data) = (field, data);
        _entries = field.MaxDefinitionLevel > 0
            ? data.DefinitionLevels.Length : field.MaxRepetitionLevel > 0 ? data.RepetitionLevels.Length : int.MaxValue;
        _value = data switch
        {
            RawColumnData<ReadOnlyMemory<char>> d => i => d.Values[i],
            RawColumnData<ReadOnlyMemory<byte>> d => i => d.Values[i],
            RawColumnData<bool> d => i => d.Values[i],
            RawColumnData<sbyte> d => i => (long)d.Values[i],
            RawColumnData<byte> d => i => (long)d.Values[i],
            RawColumnData<short> d => i => (long)d.Values[i],
            RawColumnData<ushort> d => i => (long)d.Values[i],
            RawColumnData<int> d => i => (long)d.Values[i],
            RawColumnData<uint> d => i => (long)d.Values[i],
            RawColumnData<long> d => i => d.Values[i],
            RawColumnData<ulong> d => i => (decimal)d.Values[i],
            RawColumnData<float> d => i => d.Values[i],
            RawColumnData<double> d => i => d.Values[i],
            RawColumnData<decimal> d => i => d.Values[i],
            RawColumnData<DateTime> d => i => d.Values[i],
            RawColumnData<DateOnly> d => i => d.Values[i],
            RawColumnData<TimeSpan> d => i => d.Values[i],
            RawColumnData<Guid> d => i => d.Values[i],
            _ => throw new NotSupportedException(
                $"the column {field.Path} has values of the type {field.ClrType.Name}, which are not read"),
        };
    }

    /// <summary>The entry's definition level.</summary>
    public int Definition => _field.MaxDefinitionLevel == 0 ? 0 : _entry < _entries ? _data.DefinitionLevels[_entry] : throw Short();

    /// <summary>The entry's repetition level; -1 at the end.</summary>
    public int Repetition => _entry >= _entries ? -1 : _field.MaxRepetitionLevel == 0 ? 0 : _data.RepetitionLevels[_entry];

    protected override ParquetLeaf First => this;

    public override void Write(Utf8JsonWriter json)
    {
        bool there = Definition == _field.MaxDefinitionLevel;
        _entry++;
        if (!there)
        {
            json.WriteNullValue();
            return;
        }

        switch (_value(_next++))
        {
            case ReadOnlyMemory<char> text:
                json.WriteStringValue(text.Span);
                break;
            case ReadOnlyMemory<byte> bytes:
                json.WriteBase64StringValue(bytes.Span);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case decimal number:
                json.WriteNumberValue(number);
                break;
            case float number when float.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case float.NaN or double.NaN:
                json.WriteNullValue(); // how pandas writes a missing number
                break;
            case float or double:
                throw new InvalidDataException($"the column {_field.Path} holds an infinite number");
            case IFormattable other:
                json.WriteStringValue(other.ToString(other is DateTime ? "O" : null, CultureInfo.InvariantCulture));
                break;
        }
    }

    public override void Skip()
    {
        if (_entry >= _entries)
            throw Short();
        _entry++;
    }

    public override void Dispose() => _data.Dispose();

    private InvalidDataException Short() => new($"the column {_field.Path} has fewer values than rows");
}
