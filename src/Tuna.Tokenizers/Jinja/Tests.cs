namespace Tuna.Tokenizers.Jinja;

/// <summary>What can be asked with <c>is</c>.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Func<Arguments, object?, bool>> All = new(StringComparer.Ordinal)
    {
        ["defined"] = (_, v) => v is not Undefined,
        ["undefined"] = (_, v) => v is Undefined,
        ["none"] = (_, v) => v is null,
        ["boolean"] = (_, v) => v is bool,
        ["true"] = (_, v) => v is true,
        ["false"] = (_, v) => v is false,
        ["integer"] = (_, v) => v is long,
        ["float"] = (_, v) => v is double,
        ["number"] = (_, v) => v is long or double or bool,
        ["string"] = (_, v) => v is string or SafeText,
        ["mapping"] = (_, v) => v is DictValue,
        ["iterable"] = (_, v) => v is string or SafeText or ListValue or TupleValue or ViewValue or DictValue or GeneratorValue or Undefined
            or LoopValue,
        ["sequence"] = (_, v) => v is string or SafeText or ListValue or TupleValue or DictValue or Undefined
            or ViewValue { Kind: "range" },
        ["callable"] = (_, v) => v is Callable or LoopValue or Undefined,
        ["odd"] = (a, v) => (Whole(a, v) & 1) == 1,
        ["even"] = (a, v) => (Whole(a, v) & 1) == 0,
        ["divisibleby"] = (a, v) =>
            a.Integer("num", 0) is not 0 and var by ? Whole(a, v) % by == 0 : throw a.Interpreter.Error("divisibleby 0."),
        ["lower"] = (a, v) => TextMethods.Cased(a.Interpreter, a.Interpreter.Text(v), upper: false),
        ["upper"] = (a, v) => TextMethods.Cased(a.Interpreter, a.Interpreter.Text(v), upper: true),
        ["sameas"] = (a, v) => Identical(a.Interpreter, v, a.Required("other")),
        ["in"] = (a, v) => a.Interpreter.Contains(a.Required("seq"), v),
    };

    static Tests()
    {
        foreach (string name in (string[])["eq", "equalto", "=="])
            All[name] = (a, v) => a.Interpreter.Same(v, a.Required("other"));
        foreach (string name in (string[])["ne", "!="])
            All[name] = (a, v) => !a.Interpreter.Same(v, a.Required("other"));
        foreach (string name in (string[])["gt", "greaterthan", ">"])
            All[name] = (a, v) => a.Interpreter.Compare(v, a.Required("other")) > 0;
        foreach (string name in (string[])["lt", "lessthan", "<"])
            All[name] = (a, v) => a.Interpreter.Compare(v, a.Required("other")) < 0;
        foreach (string name in (string[])["ge", ">="])
            All[name] = (a, v) => a.Interpreter.Compare(v, a.Required("other")) >= 0;
        foreach (string name in (string[])["le", "<="])
            All[name] = (a, v) => a.Interpreter.Compare(v, a.Required("other")) <= 0;
    }

    public static Func<Arguments, object?, bool>? Find(string name) => All.GetValueOrDefault(name);

    private static long Whole(Arguments arguments, object? value) =>
        value switch { long n => n, bool b => b
            ? 1 : 0, _ => throw arguments.Interpreter.Error($"{Interpreter.KindOf(value)} is no whole number.") };

    private static bool Identical(Interpreter interpreter, object? a, object? b) => (a, b) switch
    {
        (null, null) => true,
        (bool x, bool y) => x == y,
        (null or bool, _) or (_, null or bool) => false,
        (string or long or double, string or long or double) => throw interpreter.Unsupported("'is sameas' of texts and numbers"),
        _ => ReferenceEquals(a, b),
    };
}
