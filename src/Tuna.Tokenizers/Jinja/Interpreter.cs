using System.Globalization;
using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary>One rendering: what it may take, where it is, and what values mean.</summary>
/// <remarks>
/// A template is foreign code. It reaches nothing but the values it is given and the clock, and is stopped when it takes too many steps,
/// makes too much text or nests too deeply; all three limits are far beyond what the templates of models take.
/// </remarks>
internal sealed partial class Interpreter(TimeProvider time)
{
    private const long MostSteps = 5_000_000;
    private const long MostText = 32_000_000;
    private const int MostDepth = 200;

    private long _steps;
    private long _text;
    private int _depth;

    /// <summary>The line that is being rendered.</summary>
    public int Line { get; set; } = 1;

    public TimeProvider Time { get; } = time;

    /// <summary>Names that every template knows; what it is given stands before them.</summary>
    public required Scope Globals { get; init; }

    public ChatTemplateException Error(string what) =>
        new(string.Create(CultureInfo.InvariantCulture, $"The chat template, line {Line}: {what}"), Line);

    public ChatTemplateException Unsupported(string what) =>
        Error($"{what} is not supported here. Take another template, or write the prompts' form by hand.");

    /// <summary>Counts work.</summary>
    public void Step(long count = 1)
    {
        _steps += count;
        if (_steps > MostSteps)
            throw Error("the template takes too long and was stopped.");
    }

    /// <summary>Counts text that is about to be made.</summary>
    public void Charge(long characters)
    {
        _text += characters;
        if (_text > MostText)
            throw Error("the template makes too much text and was stopped.");
    }

    /// <summary>Goes a level deeper: into a call, or into a value inside another.</summary>
    public Level Deeper()
    {
        if (_depth >= MostDepth)
            throw Error("the template nests too deeply and was stopped.");
        _depth++;
        return new Level(this);
    }

    /// <summary>The chat's own text, as far as it is written.</summary>
    public StringBuilder Output { get; } = new();

    /// <summary>Where the assistant's texts stand, as the template marks them: start and end in characters.</summary>
    public List<(int Start, int End)> Assistant { get; } = [];

    /// <summary>Notes that the assistant writes the next characters.</summary>
    public void Generated(StringBuilder output, int length)
    {
        if (!ReferenceEquals(output, Output))
            throw Unsupported("{% generation %} inside of a macro, a call or a block");
        Assistant.Add((output.Length, output.Length + length));
    }

    /// <summary>Whether a value counts as true.</summary>
    public bool Truth(object? value)
    {
        Step();
        switch (value)
        {
            case null or Undefined:
                return false;
            case bool flag:
                return flag;
            case long whole:
                return whole != 0;
            case double real:
                return real != 0;
            case string text:
                return text.Length > 0;
            case SafeText safe:
                return safe.Text.Length > 0;
            case ListValue list:
                return list.Items.Count > 0;
            case TupleValue tuple:
                return tuple.Items.Count > 0;
            case DictValue dictionary:
                return dictionary.Items.Count > 0;
            case ViewValue view:
                return view.Items.Count > 0;
            default:
                return true;
        }
    }

    /// <summary>A value as text, as Python's <c>str</c> gives it; what is undefined is empty.</summary>
    public string Text(object? value)
    {
        switch (value)
        {
            case string text:
                return text;
            case SafeText safe:
                return safe.Text;
            case Undefined:
                return "";
            default:
                var output = new StringBuilder();
                Repr(value, output);
                Charge(output.Length);
                return output.ToString();
        }
    }

    /// <summary>Writes a value as Python's <c>repr</c> gives it.</summary>
    public void Repr(object? value, StringBuilder output)
    {
        Step();
        switch (value)
        {
            case null:
                output.Append("None");
                return;
            case bool flag:
                output.Append(flag ? "True" : "False");
                return;
            case long whole:
                output.Append(whole.ToString(CultureInfo.InvariantCulture));
                return;
            case double real:
                output.Append(PythonText.Number(real));
                return;
            case string text:
                Charge(text.Length);
                PythonText.Quote(text, output);
                return;
            case Undefined:
                output.Append("Undefined");
                return;
            case ListValue list:
                Sequence(list.Items, '[', ']', output);
                return;
            case TupleValue tuple:
                Sequence(tuple.Items, '(', ')', output, tuple.Items.Count == 1);
                return;
            case DictValue dictionary:
                Pairs(dictionary, output);
                return;
            case ViewValue { Kind: not "range" } view:
                output.Append(view.Kind).Append('(');
                Sequence(view.Items, '[', ']', output);
                output.Append(')');
                return;
            default:
                throw Unsupported($"printing {KindOf(value)}");
        }
    }

    private void Sequence(IReadOnlyList<object?> items, char open, char close, StringBuilder output, bool comma = false)
    {
        using Level level = Deeper();
        output.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0)
                output.Append(", ");
            Repr(items[i], output);
        }

        output.Append(comma ? "," : "").Append(close);
    }

    private void Pairs(DictValue dictionary, StringBuilder output)
    {
        using Level level = Deeper();
        output.Append('{');
        foreach ((int i, (object? key, object? value)) in dictionary.Items.Index())
        {
            if (i > 0)
                output.Append(", ");
            Repr(key, output);
            output.Append(": ");
            Repr(value, output);
        }

        output.Append('}');
    }

    /// <summary>What a value is, for messages.</summary>
    public static string KindOf(object? value) => value switch
    {
        null => "none",
        bool => "a truth value",
        long => "a whole number",
        double => "a number",
        string or SafeText => "text",
        ListValue => "a list",
        TupleValue => "a tuple",
        DictValue => "a dictionary",
        Undefined undefined => undefined.What,
        NamespaceValue => "a namespace",
        GeneratorValue => "a filter's items",
        ViewValue view => view.Kind,
        Callable callable => $"the function {callable.Name}",
        _ => "an object",
    };

    /// <summary>Leaves a level when disposed.</summary>
    internal readonly struct Level(Interpreter interpreter) : IDisposable
    {
        public void Dispose() => interpreter._depth--;
    }
}
