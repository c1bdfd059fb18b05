using System.Collections.Frozen;

namespace Tuna.Tokenizers.Jinja;

/// <summary>Python's methods of texts, lists and dictionaries that templates may call. Those that change a value are not among them: the
/// values belong to the caller.</summary>
internal static class Methods
{
    /// <summary>Attributes of numbers, none of which a chat template has a use for.</summary>
    public static readonly FrozenSet<string> OfNumbers = FrozenSet.ToFrozenSet(
        ["real", "imag", "numerator", "denominator", "bit_length", "bit_count", "conjugate", "to_bytes", "from_bytes", "as_integer_ratio",
            "is_integer", "hex", "fromhex", "from_number"]);

    // What Python has besides; a name that is none of these is a missing attribute, not an unknown method.
    private static readonly FrozenSet<string> OtherOfText = FrozenSet.ToFrozenSet(
        ["casefold", "encode", "expandtabs", "format_map", "isdecimal", "isidentifier", "isnumeric", "isprintable", "istitle", "maketrans",
            "swapcase", "translate"]);

    private static readonly FrozenSet<string> OtherOfLists =
        FrozenSet.ToFrozenSet(["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"]);

    private static readonly FrozenSet<string> OtherOfDictionaries =
        FrozenSet.ToFrozenSet(["clear", "fromkeys", "pop", "popitem", "setdefault", "update"]);

    public static Callable? OfText(Interpreter interpreter, string text, string name)
    {
        Func<Arguments, object?>? call = TextMethods.Find(text, name);
        if (call is null && OtherOfText.Contains(name))
            throw interpreter.Unsupported($"the method '{name}' of a text");
        return Method(name, call);
    }

    public static Callable? OfList(Interpreter interpreter, ListValue list, string name)
    {
        if (OtherOfLists.Contains(name))
            throw interpreter.Error($"the method '{name}' would change a list, which a template must not.");
        return Method(name, name switch
        {
            "copy" => _ => new ListValue([.. list.Items]),
            "count" => a => (long)list.Items.Count(Equal(a)),
            "index" => a => list.Items.FindIndex(Equal(a).Invoke) is >= 0 and var at
                ? (long)at : throw interpreter.Error("index: the list does not hold the value."),
            _ => null,
        });

        Func<object?, bool> Equal(Arguments a)
        {
            object? value = a.Required("value");
            return item => interpreter.Same(item, value);
        }
    }

    public static Callable? OfDictionary(Interpreter interpreter, DictValue dictionary, string name)
    {
        if (OtherOfDictionaries.Contains(name))
            throw interpreter.Error(
                $"the method '{name}' would change a dictionary, which a template must not. An item of that name is reached as "
                + $"['{name}'].");
        return Method(name, name switch
        {
            "get" => a => Get(dictionary, a),
            "items" => _ => View("dict_items", p => new TupleValue([p.Key, p.Value])),
            "keys" => _ => View("dict_keys", p => p.Key),
            "values" => _ => View("dict_values", p => p.Value),
            "copy" => _ => Copy(interpreter, dictionary),
            _ => null,
        });

        ViewValue View(string kind, Func<KeyValuePair<object?, object?>, object?> select)
        {
            interpreter.Step(dictionary.Items.Count);
            return new(kind, [.. dictionary.Items.Select(select)]);
        }
    }

    private static object? Get(DictValue dictionary, Arguments arguments)
    {
        object? key = arguments.Interpreter.Key(arguments.Required("key"));
        object? otherwise = arguments.Next("default", null);
        return dictionary.TryGet(key, out object? value) ? value : otherwise;
    }

    private static DictValue Copy(Interpreter interpreter, DictValue dictionary)
    {
        interpreter.Step(dictionary.Items.Count);
        var copy = new DictValue();
        foreach ((object? key, object? value) in dictionary.Items)
            copy[key] = value;
        return copy;
    }

    private static Callable? Method(string name, Func<Arguments, object?>? call) => call is null ? null : new Callable(name, a =>
    {
        object? result = call(a);
        if (name != "format")
            a.Done();
        return result;
    });
}
