namespace Tuna.Tokenizers.Jinja;

/// <summary>Filters over the items of a value.</summary>
internal static class SequenceFilters
{
    public static readonly Dictionary<string, Func<Arguments, object?, object?>> All = new(StringComparer.Ordinal)
    {
        ["first"] = (a, v) => First(Filters.Counted(a, v)),
        ["last"] = (a, v) => v is GeneratorValue
            ? throw a.Interpreter.Error("last of a filter's items, which have no end; make a list of them first.") : First(Backwards(a, v)),
        ["reverse"] = (a, v) => v is string or SafeText ? string.Concat(Backwards(a, v)) : new GeneratorValue(Backwards(a, v)),
        ["join"] = Join,
        ["map"] = Map,
        ["select"] = (a, v) => Selected(a, v, keep: true, attribute: false),
        ["reject"] = (a, v) => Selected(a, v, keep: false, attribute: false),
        ["selectattr"] = (a, v) => Selected(a, v, keep: true, attribute: true),
        ["rejectattr"] = (a, v) => Selected(a, v, keep: false, attribute: true),
        ["sort"] = Sort,
        ["unique"] = Unique,
        ["dictsort"] = DictSort,
        ["min"] = (a, v) => Extreme(a, v, 1),
        ["max"] = (a, v) => Extreme(a, v, -1),
        ["sum"] = Sum,
    };

    private static object? First(IEnumerable<object?> items)
    {
        foreach (object? item in items)
            return item;
        return new Undefined("the first of no items");
    }

    private static IEnumerable<object?> Backwards(Arguments arguments, object? value)
    {
        if (value is GeneratorValue)
            return Filters.Counted(arguments, value).ToList().AsEnumerable().Reverse();
        return Filters.Counted(arguments, value).Reverse();
    }

    private static string Join(Arguments arguments, object? value)
    {
        string separator = Filters.Text(arguments, arguments.Next("d", ""));
        Func<object?, object?> of = Attribute(arguments);
        return TextMethods.Join(arguments.Interpreter, separator,
            Filters.Counted(arguments, value).Select(i => (object?)Filters.Text(arguments, of(i))));
    }

    private static GeneratorValue Map(Arguments arguments, object? value)
    {
        Interpreter interpreter = arguments.Interpreter;
        if (arguments.Positional.Count == 0)
        {
            if (!arguments.TryNamed("attribute", out object? attribute))
                throw interpreter.Error("map needs a filter's name or an attribute.");
            bool hasDefault = arguments.TryNamed("default", out object? otherwise);
            Func<object?, object?> of = Getter(interpreter, attribute);
            return new GeneratorValue(Filters.Counted(arguments, value)
                .Select(i => of(i) is var found && found is Undefined && hasDefault ? otherwise : found));
        }

        string name = arguments.Text("filter");
        Func<Arguments, object?, object?> filter = Filters.Find(name) ?? throw interpreter.Unsupported($"the filter '{name}'");
        Arguments rest = arguments.Rest(name);
        return new GeneratorValue(Filters.Counted(arguments, value)
            .Select(i => filter(new Arguments(interpreter, name, rest.Positional, rest.Named), i)));
    }

    private static GeneratorValue Selected(Arguments arguments, object? value, bool keep, bool attribute)
    {
        Interpreter interpreter = arguments.Interpreter;
        Func<object?, object?> of = attribute ? Getter(interpreter, arguments.Required("attribute")) : i => i;
        if (!arguments.TryNext("test", out object? test))
            return new GeneratorValue(Filters.Counted(arguments, value).Where(i => interpreter.Truth(of(i)) == keep));
        string name = test as string ?? throw interpreter.Error("select and reject take a test by its name.");
        Func<Arguments, object?, bool> holds = Tests.Find(name) ?? throw interpreter.Unsupported($"the test '{name}'");
        Arguments rest = arguments.Rest(name);
        return new GeneratorValue(Filters.Counted(arguments, value)
            .Where(i => holds(new Arguments(interpreter, name, rest.Positional, rest.Named), of(i)) == keep));
    }

    private static ListValue Sort(Arguments arguments, object? value)
    {
        bool reverse = arguments.Flag("reverse", false), exact = arguments.Flag("case_sensitive", false);
        Func<object?, object?> of = Attribute(arguments);
        return new ListValue(Sorted(arguments.Interpreter, Filters.Counted(arguments, value), i => Folded(arguments, of(i), exact),
            reverse));
    }

    private static ListValue DictSort(Arguments arguments, object? value)
    {
        DictValue dictionary = value as DictValue ?? throw arguments.Interpreter.Error($"dictsort of {Interpreter.KindOf(value)}.");
        bool exact = arguments.Flag("case_sensitive", false);
        int by = (arguments.Next("by", "key") as string) switch { "key" => 0, "value" => 1,
            _ => throw arguments.Interpreter.Error("dictsort sorts by 'key' or 'value'.") };
        bool reverse = arguments.Flag("reverse", false);
        IEnumerable<object?> pairs = dictionary.Items.Select(p => (object?)new TupleValue([p.Key, p.Value]));
        return new ListValue(Sorted(arguments.Interpreter, pairs, p => Folded(arguments, ((TupleValue)p!).Items[by], exact), reverse));
    }

    private static GeneratorValue Unique(Arguments arguments, object? value)
    {
        bool exact = arguments.Flag("case_sensitive", false);
        Func<object?, object?> of = Attribute(arguments);
        return new GeneratorValue(Items());

        IEnumerable<object?> Items()
        {
            var seen = new DictValue();
            foreach (object? item in Filters.Counted(arguments, value))
            {
                object? key = arguments.Interpreter.Key(Folded(arguments, of(item), exact));
                if (seen.TryGet(key, out _))
                    continue;
                seen[key] = true;
                yield return item;
            }
        }
    }

    private static object? Extreme(Arguments arguments, object? value, int sign)
    {
        bool exact = arguments.Flag("case_sensitive", false);
        Func<object?, object?> of = Attribute(arguments);
        object? best = new Undefined("the extreme of no items");
        object? bestKey = null;
        foreach (object? item in Filters.Counted(arguments, value))
        {
            object? key = Folded(arguments, of(item), exact);
            if (best is not Undefined && sign * arguments.Interpreter.Compare(key, bestKey) >= 0)
                continue;
            (best, bestKey) = (item, key);
        }

        return best;
    }

    private static object? Sum(Arguments arguments, object? value)
    {
        Func<object?, object?> of = Attribute(arguments);
        object? sum = arguments.Next("start", 0L);
        if (sum is string)
            throw arguments.Interpreter.Error("sum does not add texts.");
        foreach (object? item in Filters.Counted(arguments, value))
            sum = arguments.Interpreter.Arithmetic("+", sum, of(item));
        return sum;
    }

    public static List<object?> Sorted(Interpreter interpreter, IEnumerable<object?> items, Func<object?, object?> key, bool reverse)
    {
        // Stable, also backwards.
        var keyed = items.Select(i => (Item: i, Key: key(i))).ToList();
        var comparer = Comparer<object?>.Create((a, b) => interpreter.Compare(a, b, "sorted"));
        try
        {
            return [.. (reverse ? keyed.OrderByDescending(k => k.Key, comparer) : keyed.OrderBy(k => k.Key, comparer)).Select(k => k.Item)];
        }
        catch (InvalidOperationException e) when (e.InnerException is ChatTemplateException fault)
        {
            throw fault; // .NET's sorting wraps what a comparison throws
        }
    }

    private static object? Folded(Arguments arguments, object? value, bool exact) =>
        value is string text && !exact ? TextMethods.Lower(arguments.Interpreter, text) : value;

    private static Func<object?, object?> Attribute(Arguments arguments) =>
        arguments.Next("attribute", null) is { } attribute ? Getter(arguments.Interpreter, attribute) : item => item;

    private static Func<object?, object?> Getter(Interpreter interpreter, object? attribute)
    {
        object?[] path = attribute switch
        {
            string text => [.. text.Split('.')
                .Select(p => long.TryParse(p, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture,
                out long n) ? (object?)n : p)],
            long at => [at],
            _ => throw interpreter.Error("an attribute is given by its name."),
        };
        return item => path.Aggregate(item, interpreter.Item);
    }
}
