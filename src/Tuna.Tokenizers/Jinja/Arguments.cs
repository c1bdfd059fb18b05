namespace Tuna.Tokenizers.Jinja;

/// <summary>The arguments of a call, read by position or name; what is not read is refused.</summary>
internal sealed class Arguments(Interpreter interpreter, string function, List<object?> positional,
    List<KeyValuePair<string, object?>> named)
{
    private int _next;
    private int _used;

    public Interpreter Interpreter { get; } = interpreter;

    public List<object?> Positional { get; } = positional;

    public List<KeyValuePair<string, object?>> Named { get; } = named;

    /// <summary>The next argument, by position or by its name.</summary>
    public object? Next(string name, object? otherwise) => TryNext(name, out object? value) ? value : otherwise;

    public bool TryNext(string name, out object? value)
    {
        int at = Named.FindIndex(a => a.Key == name);
        if (_next < Positional.Count)
        {
            value = Positional[_next++];
            return true;
        }

        if (at < 0)
        {
            value = null;
            return false;
        }

        _used++;
        value = Named[at].Value;
        return true;
    }

    /// <summary>An argument that may be given by its name only.</summary>
    public bool TryNamed(string name, out object? value)
    {
        int at = Named.FindIndex(a => a.Key == name);
        value = at < 0 ? null : Named[at].Value;
        if (at >= 0)
            _used++;
        return at >= 0;
    }

    public object? Required(string name) =>
        TryNext(name, out object? value) ? value : throw Interpreter.Error($"{function} needs the argument '{name}'.");

    public string Text(string name) => Required(name) as string ?? throw Interpreter.Error($"{function}: '{name}' is not text.");

    public string? TextOrNone(string name) =>
        Next(name, null) is { } value ? value as string ?? throw Interpreter.Error($"{function}: '{name}' is not text.") : null;

    public long Integer(string name, long otherwise) => Next(name, otherwise) switch
    {
        long whole => whole,
        bool flag => flag ? 1 : 0,
        _ => throw Interpreter.Error($"{function}: '{name}' is not a whole number."),
    };

    public bool Flag(string name, bool otherwise) => Interpreter.Truth(Next(name, otherwise));

    /// <summary>What is left, for another function.</summary>
    public Arguments Rest(string other)
    {
        List<object?> rest = Positional[_next..];
        _next = Positional.Count;
        _used = Named.Count;
        return new(Interpreter, other, rest, Named);
    }

    /// <summary>Refuses arguments that were not read.</summary>
    public void Done()
    {
        if (_next < Positional.Count || _used < Named.Count)
            throw Interpreter.Error(
                $"{function} does not take these arguments: {Positional.Count} by "
                + $"position{string.Concat(Named.Select(a => $", {a.Key}"))}.");
    }
}
