namespace Tuna.Tokenizers.Jinja;

/// <summary>Going through values and into them.</summary>
internal sealed partial class Interpreter
{
    /// <summary>The items of a value, as a loop takes them.</summary>
    public IEnumerable<object?> Items(object? value) => value switch
    {
        ListValue list => list.Items,
        TupleValue tuple => tuple.Items,
        ViewValue view => view.Items,
        DictValue dictionary => dictionary.Items.Select(p => p.Key),
        string text => PythonText.CodePoints(text),
        SafeText safe => PythonText.CodePoints(safe.Text),
        Undefined => [],
        GeneratorValue generator => Rest(generator.Items),
        _ => throw Error($"{KindOf(value)} cannot be gone through."),
    };

    /// <summary>The number of items, or null where a value does not know it.</summary>
    public static long? Length(object? value) => value switch
    {
        ListValue list => list.Items.Count,
        TupleValue tuple => tuple.Items.Count,
        ViewValue view => view.Items.Count,
        DictValue dictionary => dictionary.Items.Count,
        string text => PythonText.Length(text),
        SafeText safe => PythonText.Length(safe.Text),
        Undefined => 0,
        _ => null,
    };

    /// <summary><c>value.name</c>: an attribute or method before an item of that name.</summary>
    public object? Attribute(object? value, string name)
    {
        Refuse(value, $"'{name}'");
        return TryMember(value, name, out object? member) || TryItem(value, name, out member) ? member : Missing(value, name);
    }

    /// <summary><c>value[key]</c>: an item before an attribute or method of that name.</summary>
    public object? Item(object? value, object? key)
    {
        Refuse(value, key is string ? $"'{key}'" : "an item");
        if (TryItem(value, key, out object? item) || (key is string name && TryMember(value, name, out item)))
            return item;
        return Missing(value, key is string text ? text : KindOf(key));
    }

    /// <summary><c>value[start:stop:step]</c>.</summary>
    public object? Slice(object? value, object? start, object? stop, object? step)
    {
        Refuse(value, "a part");
        if (value is not (string or ListValue or TupleValue))
            return new Undefined($"a part of {KindOf(value)}");
        List<object?> items = [.. Items(value)];
        Step(items.Count);
        long by = Bound(step) ?? 1;
        if (by == 0)
            throw Error("a part with steps of 0.");
        long n = items.Count;
        long from = Clamp(Bound(start), by > 0 ? 0 : n - 1, n, by), to = Clamp(Bound(stop), by > 0 ? n : -1, n, by);
        var part = new List<object?>();
        for (long i = from; by > 0 ? i < to : i > to; i += by)
            part.Add(items[(int)i]);
        return value switch
        {
            string => string.Concat(part.Cast<string>()),
            ListValue => new ListValue(part),
            _ => new TupleValue(part),
        };
    }

    private static long Clamp(long? bound, long otherwise, long n, long step)
    {
        if (bound is not { } at)
            return otherwise;
        if (at < 0)
            at += n;
        return step > 0 ? Math.Clamp(at, 0, n) : Math.Clamp(at, -1, n - 1);
    }

    private long? Bound(object? value) => value switch
    {
        null => null,
        long whole => Math.Clamp(whole, int.MinValue, int.MaxValue),
        bool flag => flag ? 1 : 0,
        _ => throw Error($"{KindOf(value)} bounds a part; bounds are whole numbers."),
    };

    private bool TryItem(object? value, object? key, out object? item)
    {
        Step();
        item = null;
        if (value is DictValue dictionary)
            return key is null or bool or long or double or string && dictionary.TryGet(key, out item);
        if (key is not (long or bool) || value is not (ListValue or TupleValue or string or ViewValue { Kind: "range" }))
            return false;
        long at = Whole(key), n = Length(value)!.Value;
        at = at < 0 ? at + n : at;
        if (at < 0 || at >= n)
            return false;
        item = value switch
        {
            ListValue list => list.Items[(int)at],
            TupleValue tuple => tuple.Items[(int)at],
            ViewValue view => view.Items[(int)at],
            string text when text.Length == n => text[(int)at].ToString(),
            _ => PythonText.CodePoints((string)value).ElementAt((int)at),
        };
        return true;
    }

    private bool TryMember(object? value, string name, out object? member)
    {
        if (value is NamespaceValue space)
            return space.Attributes.TryGet(name, out member);
        if (value is SafeText or TupleValue or ViewValue or GeneratorValue or Callable
            || (value is long or bool or double && Methods.OfNumbers.Contains(name)))
            throw Unsupported($"'{name}' of {KindOf(value)}");
        member = value switch
        {
            DictValue dictionary => Methods.OfDictionary(this, dictionary, name),
            string text => Methods.OfText(this, text, name),
            ListValue list => Methods.OfList(this, list, name),
            _ => null,
        };
        return member is not null || (value is IMembers members && members.TryMember(this, name, out member));
    }

    private static IEnumerable<object?> Rest(IEnumerator<object?> items)
    {
        while (items.MoveNext())
            yield return items.Current;
    }

    private void Refuse(object? value, string what)
    {
        Step();
        if (value is Undefined undefined)
            throw Error($"{undefined.What} is not there, so it has no {what}.");
    }

    private static Undefined Missing(object? value, string name) => new($"'{name}' of {KindOf(value)}");
}
