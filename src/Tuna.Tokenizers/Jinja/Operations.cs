namespace Tuna.Tokenizers.Jinja;

/// <summary>Operators on values, with Python's meaning.</summary>
internal sealed partial class Interpreter
{
    /// <summary><c>==</c>.</summary>
    public bool Same(object? a, object? b)
    {
        Step();
        switch (a, b)
        {
            case (null, null) or (Undefined, Undefined):
                return true;
            case (string x, string y):
                return x == y;
            case (SafeText x, _):
                return Same(x.Text, b);
            case (_, SafeText y):
                return Same(a, y.Text);
            case (ListValue x, ListValue y):
                return SameItems(x.Items, y.Items);
            case (TupleValue x, TupleValue y):
                return SameItems(x.Items, y.Items);
            case (DictValue x, DictValue y):
                return SamePairs(x, y);
            default:
                return IsNumber(a) && IsNumber(b) ? SameNumber(a, b) : ReferenceEquals(a, b);
        }
    }

    private bool SameItems(IReadOnlyList<object?> a, IReadOnlyList<object?> b)
    {
        using Level level = Deeper();
        if (a.Count != b.Count)
            return false;
        for (int i = 0; i < a.Count; i++)
        {
            if (!Same(a[i], b[i]))
                return false;
        }

        return true;
    }

    private bool SamePairs(DictValue a, DictValue b)
    {
        using Level level = Deeper();
        if (a.Items.Count != b.Items.Count)
            return false;
        foreach ((object? key, object? value) in a.Items)
        {
            if (!b.TryGet(key, out object? other) || !Same(value, other))
                return false;
        }

        return true;
    }

    /// <summary>Order of two values: negative, 0 or positive.</summary>
    public int Compare(object? a, object? b, string with = "compared")
    {
        Step();
        if (a is string x && b is string y)
            return PythonText.Compare(x, y);
        if (IsNumber(a) && IsNumber(b))
            return a is double || b is double ? Real(a).CompareTo(Real(b)) : Whole(a).CompareTo(Whole(b));
        IReadOnlyList<object?>? first = (a as ListValue)?.Items ?? (a as TupleValue)?.Items, second = (b as ListValue)?.Items
            ?? (b as TupleValue)?.Items;
        if (first is null || second is null || a!.GetType() != b!.GetType())
            throw Error($"{KindOf(a)} and {KindOf(b)} cannot be {with}.");
        using Level level = Deeper();
        for (int i = 0; i < Math.Min(first.Count, second.Count); i++)
        {
            if (!Same(first[i], second[i]))
                return Compare(first[i], second[i], with);
        }

        return first.Count.CompareTo(second.Count);
    }

    /// <summary><c>in</c>.</summary>
    public bool Contains(object? container, object? item)
    {
        switch (container)
        {
            case string text:
                Step(1 + (text.Length / 16));
                return text.Contains(item switch { string part => part, SafeText safe => safe.Text,
                    _ => throw Error($"{KindOf(item)} is looked for in text.") }, StringComparison.Ordinal);
            case SafeText safe:
                return Contains(safe.Text, item);
            case DictValue dictionary:
                return dictionary.TryGet(Key(item), out _);
            case NamespaceValue or null or bool or long or double or Callable:
                throw Error($"nothing can be looked for in {KindOf(container)}.");
            default:
                foreach (object? other in Items(container))
                {
                    if (Same(other, item))
                        return true;
                }

                return false;
        }
    }

    /// <summary>A value as a key of a dictionary.</summary>
    public object? Key(object? value) => value switch
    {
        ListValue or DictValue => throw Error($"{KindOf(value)} cannot be a key."),
        TupleValue or GeneratorValue or ViewValue or NamespaceValue or Undefined or SafeText =>
            throw Unsupported($"{KindOf(value)} as a key"),
        _ => value,
    };

    /// <summary>Arithmetic, joining and repeating.</summary>
    public object? Arithmetic(string operation, object? a, object? b)
    {
        Step();
        if (IsNumber(a) && IsNumber(b))
            return Number(operation, a, b);
        switch (operation, a, b)
        {
            case ("+", string x, string y):
                Charge(x.Length + y.Length);
                return x + y;
            case ("+", ListValue x, ListValue y):
                Step(x.Items.Count + y.Items.Count);
                return new ListValue([.. x.Items, .. y.Items]);
            case ("+", TupleValue x, TupleValue y):
                Step(x.Items.Count + y.Items.Count);
                return new TupleValue([.. x.Items, .. y.Items]);
            case ("*", string or ListValue, long or bool):
                return Repeat(a, Whole(b));
            case ("*", long or bool, string or ListValue):
                return Repeat(b, Whole(a));
            case ("%", string format, _):
                return Formatting.Percent(this, format, b);
            default:
                throw Error($"'{operation}' does not go with {KindOf(a)} and {KindOf(b)}.");
        }
    }

    private object Repeat(object? value, long times)
    {
        times = Math.Max(0, times);
        if (value is string text)
        {
            Charge(checked(Math.Min(times, MostText + 1) * Math.Max(1, text.Length)));
            return string.Concat(Enumerable.Repeat(text, (int)times));
        }

        List<object?> items = ((ListValue)value!).Items;
        Step(Math.Min(times, MostSteps + 1) * Math.Max(1, items.Count));
        return new ListValue([.. Enumerable.Repeat(items, (int)times).SelectMany(i => i)]);
    }

    private object Number(string operation, object? a, object? b)
    {
        bool real = a is double || b is double || operation == "/";
        try
        {
            if (real)
            {
                (double x, double y) = (Real(a), Real(b));
                if (y == 0 && operation is "/" or "//" or "%" && y == 0)
                    throw Error("division by zero.");
                double quotient = Math.Floor(x / y);
                return operation switch
                {
                    "+" => x + y,
                    "-" => x - y,
                    "*" => x * y,
                    "/" => x / y,
                    "//" => quotient,
                    "%" => x - (quotient * y),
                    _ => throw Unsupported("a power of numbers that are not whole"),
                };
            }

            (long m, long n) = (Whole(a), Whole(b));
            return operation switch
            {
                "+" => checked(m + n),
                "-" => checked(m - n),
                "*" => checked(m * n),
                "//" => n == 0 ? throw Error("division by zero.") : FloorDivide(m, n),
                "%" => n == 0 ? throw Error("division by zero.") : checked(m - (FloorDivide(m, n) * n)),
                _ => Power(m, n),
            };
        }
        catch (OverflowException)
        {
            throw Unsupported("a number of more than 64 bits");
        }
    }

    private static long FloorDivide(long m, long n)
    {
        long quotient = checked(m / n);
        return m % n != 0 && (m < 0) != (n < 0) ? quotient - 1 : quotient;
    }

    private long Power(long m, long n)
    {
        if (n < 0)
            throw Unsupported("a negative power");
        long result = 1;
        for (long i = 0; i < n && result != 0 && (m is not 1); i++)
        {
            Step();
            result = checked(result * m);
        }

        return result;
    }

    public object Negative(object? value) => value switch
    {
        long whole => (object)unchecked(-whole),
        double real => -real,
        bool flag => flag ? -1L : 0L,
        _ => throw Error($"'-' does not go with {KindOf(value)}."),
    };

    public static bool IsNumber(object? value) => value is long or double or bool;

    private static bool SameNumber(object? a, object? b) => a is double || b is double ? Real(a) == Real(b) : Whole(a) == Whole(b);

    private static double Real(object? value) => value is double real ? real : Whole(value);

    private static long Whole(object? value) => value is bool flag ? (flag ? 1 : 0) : (long)value!;
}
