using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary>Values in formats: <c>'%s' % value</c> and <c>'{}'.format(value)</c>, in their plain forms.</summary>
internal static class Formatting
{
    /// <summary>Python's <c>%</c> with text on its left: %s, %d, %i, %r and %%, without widths.</summary>
    public static string Percent(Interpreter interpreter, string format, object? value)
    {
        IReadOnlyList<object?> values = value is TupleValue tuple ? tuple.Items : [value];
        var text = new StringBuilder();
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }

            char code = i + 1 < format.Length ? format[++i] : throw interpreter.Error("a format ends with '%'.");
            if (code == '%')
                text.Append('%');
            else
                text.Append(Convert(interpreter, code, next < values.Count
                    ? values[next++] : throw interpreter.Error("a format has more places than values.")));
        }

        if (next < values.Count && value is not DictValue)
            throw interpreter.Error("a format has fewer places than values.");
        interpreter.Charge(text.Length);
        return text.ToString();
    }

    /// <summary>Python's <c>str.format</c> with <c>{}</c>, <c>{0}</c> and <c>{name}</c>.</summary>
    public static string Braces(Arguments arguments, string format)
    {
        Interpreter interpreter = arguments.Interpreter;
        var text = new StringBuilder();
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            char c = format[i];
            if (c is '{' or '}' && i + 1 < format.Length && format[i + 1] == c)
            {
                text.Append(c);
                i++;
            }
            else if (c == '{')
            {
                int end = format.IndexOf('}', i);
                string field = end < 0 ? throw interpreter.Error("a format has a brace that does not close.") : format[(i + 1)..end];
                text.Append(interpreter.Text(Field(arguments, field, ref next)));
                i = end;
            }
            else if (c == '}')
            {
                throw interpreter.Error("a format has a single '}'.");
            }
            else
            {
                text.Append(c);
            }
        }

        interpreter.Charge(text.Length);
        return text.ToString();
    }

    private static object? Field(Arguments arguments, string field, ref int next)
    {
        Interpreter interpreter = arguments.Interpreter;
        if (!field.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
            throw interpreter.Unsupported($"the format '{{{field}}}'");
        if (field.Length > 0 && !char.IsAsciiDigit(field[0]))
        {
            int named = arguments.Named.FindIndex(a => a.Key == field);
            return named >= 0 ? arguments.Named[named].Value : throw interpreter.Error($"a format needs '{field}'.");
        }

        int at = field.Length == 0
            ? next++ : int.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out int given) ? given : int.MaxValue;
        return at < arguments.Positional.Count
            ? arguments.Positional[at] : throw interpreter.Error("a format has more places than values.");
    }

    private static string Convert(Interpreter interpreter, char code, object? value)
    {
        switch (code)
        {
            case 's':
                return interpreter.Text(value);
            case 'r':
                var quoted = new StringBuilder();
                interpreter.Repr(value, quoted);
                return quoted.ToString();
            case 'd' or 'i' when value is long whole:
                return whole.ToString(CultureInfo.InvariantCulture);
            case 'd' or 'i' when value is bool flag:
                return flag ? "1" : "0";
            default:
                throw interpreter.Unsupported($"the format %{code} of {Interpreter.KindOf(value)}");
        }
    }
}
