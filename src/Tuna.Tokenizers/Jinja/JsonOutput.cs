using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary><c>tojson</c> as Transformers defines it: Python's <c>json.dumps</c>, by default with characters beyond ASCII as they
/// are.</summary>
internal sealed class JsonOutput(Interpreter interpreter, bool ascii, string? indent, string comma, string colon, bool sorted)
{
    private readonly StringBuilder _text = new();

    public static string Of(Arguments arguments, object? value)
    {
        Interpreter interpreter = arguments.Interpreter;
        bool ascii = arguments.Flag("ensure_ascii", false);
        string? indent = arguments.Next("indent", null) switch
        {
            null => null,
            long n => n > 100 ? throw interpreter.Error("tojson: the indent is above 100.") : new string(' ', (int)Math.Max(0, n)),
            string s => s,
            _ => throw interpreter.Error("tojson: the indent is no number and no text."),
        };
        (string comma, string colon) = arguments.Next("separators", null) switch
        {
            null => (indent is null ? ", " : ",", ": "),
            TupleValue { Items: [string c, string k] } => (c, k),
            ListValue { Items: [string c, string k] } => (c, k),
            _ => throw interpreter.Error("tojson: separators are two texts."),
        };
        var output = new JsonOutput(interpreter, ascii, indent, comma, colon, arguments.Flag("sort_keys", false));
        arguments.Done();
        output.Write(value, 0);
        interpreter.Charge(output._text.Length);
        return output._text.ToString();
    }

    private void Write(object? value, int depth)
    {
        interpreter.Step();
        switch (value)
        {
            case null:
                _text.Append("null");
                return;
            case bool flag:
                _text.Append(flag ? "true" : "false");
                return;
            case long whole:
                _text.Append(whole.ToString(CultureInfo.InvariantCulture));
                return;
            case double real:
                _text.Append(double.IsFinite(real)
                    ? PythonText.Number(real) : double.IsNaN(real) ? "NaN" : real > 0 ? "Infinity" : "-Infinity");
                return;
            case string or SafeText:
                Quote(interpreter.Text(value));
                return;
            case ListValue list:
                Items(list.Items, depth);
                return;
            case TupleValue tuple:
                Items(tuple.Items, depth);
                return;
            case DictValue dictionary:
                Pairs(dictionary, depth);
                return;
            default:
                throw interpreter.Error($"tojson: {Interpreter.KindOf(value)} cannot be written as JSON.");
        }
    }

    private void Items(IReadOnlyList<object?> items, int depth)
    {
        using Interpreter.Level level = interpreter.Deeper();
        _text.Append('[');
        for (int i = 0; i < items.Count; i++)
        {
            Separate(i == 0, depth + 1);
            Write(items[i], depth + 1);
        }

        Close(items.Count, depth, ']');
    }

    private void Pairs(DictValue dictionary, int depth)
    {
        using Interpreter.Level level = interpreter.Deeper();
        IEnumerable<KeyValuePair<object?, object?>> pairs = dictionary.Items;
        if (sorted)
        {
            IEnumerable<object?> tuples = pairs.Select(p => (object?)new TupleValue([p.Key, p.Value]));
            pairs = SequenceFilters.Sorted(interpreter, tuples, t => ((TupleValue)t!).Items[0], reverse: false)
                .Select(t => KeyValuePair.Create(((TupleValue)t!).Items[0], ((TupleValue)t).Items[1]));
        }

        _text.Append('{');
        int n = 0;
        foreach ((object? key, object? value) in pairs)
        {
            Separate(n++ == 0, depth + 1);
            Quote(key switch
            {
                string text => text,
                null => "null",
                bool flag => flag ? "true" : "false",
                _ => interpreter.Text(key),
            });
            _text.Append(colon);
            Write(value, depth + 1);
        }

        Close(n, depth, '}');
    }

    private void Separate(bool first, int depth)
    {
        if (!first)
            _text.Append(comma);
        NewLine(depth);
    }

    private void Close(int count, int depth, char bracket)
    {
        if (count > 0)
            NewLine(depth);
        _text.Append(bracket);
    }

    private void NewLine(int depth)
    {
        if (indent is null)
            return;
        interpreter.Charge((long)depth * indent.Length);
        _text.Append('\n');
        for (int i = 0; i < depth; i++)
            _text.Append(indent);
    }

    private void Quote(string text)
    {
        interpreter.Charge(text.Length);
        _text.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"' or '\\':
                    _text.Append('\\').Append(c);
                    break;
                case '\n' or '\r' or '\t' or '\f' or '\b':
                    _text.Append('\\').Append("nrtfb"["\n\r\t\f\b".IndexOf(c)]);
                    break;
                case < ' ':
                    _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    break;
                default:
                    if (ascii && c > '~')
                        _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
                    else
                        _text.Append(c);
                    break;
            }
        }

        _text.Append('"');
    }
}
