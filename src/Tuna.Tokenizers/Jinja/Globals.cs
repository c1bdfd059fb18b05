using System.Globalization;

namespace Tuna.Tokenizers.Jinja;

/// <summary>The functions that every template may call.</summary>
internal static class Globals
{
    private const long MostRange = 100_000;

    public static readonly Scope All = Create();

    private static Scope Create()
    {
        var scope = new Scope();
        Add("range", Range);
        Add("dict", Dictionary);
        Add("namespace", Namespace);
        Add("joiner", a => new JoinerValue(a.TextOrNone("sep") ?? ", ").Function());
        Add("cycler", a => new CyclerValue(a.Positional));
        Add("raise_exception", a => throw new ChatTemplateException(a.Interpreter.Text(a.Required("message")), a.Interpreter.Line));
        Add("strftime_now", a => DateText.Format(a.Interpreter, a.Text("format")));
        Add("lipsum", a => throw a.Interpreter.Unsupported("lipsum, which is random,"));
        return scope;

        void Add(string name, Func<Arguments, object?> call) => scope.Set(name, new Callable(name, call));
    }

    private static ViewValue Range(Arguments arguments)
    {
        Interpreter interpreter = arguments.Interpreter;
        long[] bounds = [.. arguments.Positional.Select(p =>
            p switch { long n => n, bool b => b ? 1 : 0, _ => throw interpreter.Error("range takes whole numbers.") })];
        if (bounds.Length is 0 or > 3 || arguments.Named.Count > 0)
            throw interpreter.Error("range takes one to three whole numbers.");
        (long start, long stop, long step) = bounds.Length == 1
            ? (0, bounds[0], 1) : (bounds[0], bounds[1], bounds.Length == 3 ? bounds[2] : 1);
        if (step == 0)
            throw interpreter.Error("range has steps of 0.");
        Int128 distance = step > 0 ? (Int128)stop - start : (Int128)start - stop;
        Int128 width = step > 0 ? step : -(Int128)step;
        Int128 count = distance <= 0 ? 0 : (distance + width - 1) / width;
        if (count > MostRange)
            throw interpreter.Error(string.Create(CultureInfo.InvariantCulture, $"range has more than {MostRange} numbers."));
        interpreter.Step((long)count);
        return new ViewValue("range", [.. Enumerable.Range(0, (int)count).Select(i => (object?)(start + (i * step)))]);
    }

    private static DictValue Dictionary(Arguments arguments)
    {
        Interpreter interpreter = arguments.Interpreter;
        var result = new DictValue();
        if (arguments.Positional.Count > 1)
            throw interpreter.Error("dict takes one value by position.");
        if (arguments.Positional is [var from])
        {
            foreach ((object? key, object? value) in from is DictValue other
                ? other.Items : interpreter.Items(from).Select(p => Pair(interpreter, p)))
                result[interpreter.Key(key)] = value;
        }

        foreach ((string name, object? value) in arguments.Named)
            result[name] = value;
        interpreter.Step(result.Items.Count);
        return result;
    }

    private static KeyValuePair<object?, object?> Pair(Interpreter interpreter, object? value)
    {
        List<object?> items = [.. interpreter.Items(value)];
        return items is [var key, var item] ? new(key, item) : throw interpreter.Error("dict takes pairs.");
    }

    private static NamespaceValue Namespace(Arguments arguments)
    {
        var space = new NamespaceValue();
        foreach ((object? key, object? value) in Dictionary(arguments).Items)
            space.Attributes[key] = value;
        return space;
    }
}

/// <summary><c>joiner(sep)</c>: nothing the first time it is called, the separator afterwards.</summary>
internal sealed class JoinerValue(string separator)
{
    private bool _used;

    public Callable Function() => new("joiner", _ =>
    {
        string text = _used ? separator : "";
        _used = true;
        return text;
    });
}

/// <summary><c>cycler(...)</c>: its values in turn.</summary>
internal sealed class CyclerValue(IReadOnlyList<object?> values) : IMembers
{
    private int _at;

    public bool TryMember(Interpreter interpreter, string name, out object? member)
    {
        if (values.Count == 0)
            throw interpreter.Error("cycler needs values.");
        member = name switch
        {
            "current" => values[_at],
            "next" => new Callable("cycler.next", _ => Next()),
            "reset" => new Callable("cycler.reset", _ => _at = 0),
            _ => null,
        };
        return member is not null || name == "current";
    }

    private object? Next()
    {
        object? value = values[_at];
        _at = (_at + 1) % values.Count;
        return value;
    }
}
