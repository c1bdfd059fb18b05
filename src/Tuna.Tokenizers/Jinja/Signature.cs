namespace Tuna.Tokenizers.Jinja;

/// <summary>What a macro takes and writes.</summary>
/// <param name="Parameters">Names with their defaults.</param>
/// <param name="Body">What it writes.</param>
/// <param name="Uses">The names that its body uses: <c>caller</c>, <c>varargs</c> and <c>kwargs</c> are only taken where it does.</param>
internal sealed record Signature(IReadOnlyList<(string Name, Expression? Default)> Parameters, Body Body, IReadOnlySet<string> Uses)
{
    /// <summary>The macro, which sees the names around its definition.</summary>
    public Callable Macro(string name, Scope around) => new(name, arguments => Call(name, around, arguments));

    private string Call(string name, Scope around, Arguments arguments)
    {
        Interpreter interpreter = arguments.Interpreter;
        using Interpreter.Level level = interpreter.Deeper();
        var scope = new Scope(around);
        for (int i = 0; i < Parameters.Count; i++)
        {
            (string parameter, Expression? otherwise) = Parameters[i];
            if (i < arguments.Positional.Count && arguments.Named.Exists(a => a.Key == parameter))
                throw interpreter.Error($"{name} is given '{parameter}' twice.");
            object? value = arguments.TryNext(parameter, out object? given) ? given
                : otherwise is null ? new Undefined($"the argument '{parameter}' of {name}")
                : otherwise.Value(interpreter, scope);
            scope.Set(parameter, value);
        }

        if (Uses.Contains("caller"))
            scope.Set("caller", arguments.TryNamed("caller", out object? caller) ? caller : new Undefined("'caller'"));
        if (Uses.Contains("varargs"))
            scope.Set("varargs", new TupleValue(arguments.Positional[Math.Min(Parameters.Count, arguments.Positional.Count)..]));
        else if (arguments.Positional.Count > Parameters.Count)
            throw interpreter.Error($"{name} takes {Parameters.Count} arguments by position and is given {arguments.Positional.Count}.");
        Others(name, scope, arguments);
        return Body.Text(interpreter, scope);
    }

    private void Others(string name, Scope scope, Arguments arguments)
    {
        var others = new DictValue();
        foreach ((string other, object? value) in arguments.Named)
        {
            if (!Parameters.Any(p => p.Name == other) && !(other == "caller" && Uses.Contains("caller")))
                others[other] = value;
        }

        if (Uses.Contains("kwargs"))
            scope.Set("kwargs", others);
        else if (others.Items.Count > 0)
            throw arguments.Interpreter.Error($"{name} does not take '{others.Items[0].Key}'.");
    }
}

/// <summary>What can be assigned to.</summary>
internal abstract record Target
{
    public abstract void Set(Interpreter interpreter, Scope scope, object? value);
}

/// <summary>A name.</summary>
internal sealed record NameTarget(string Name) : Target
{
    public override void Set(Interpreter interpreter, Scope scope, object? value) => scope.Set(Name, value);
}

/// <summary>An attribute of a namespace.</summary>
internal sealed record NamespaceTarget(string Name, string Attribute) : Target
{
    public override void Set(Interpreter interpreter, Scope scope, object? value)
    {
        if (!scope.TryGet(Name, out object? space) || space is not NamespaceValue known)
            throw interpreter.Error($"'{Name}' is no namespace, so its '{Attribute}' cannot be set.");
        known.Attributes[Attribute] = value;
    }
}

/// <summary>Several targets, each of which gets one item.</summary>
internal sealed record TupleTarget(IReadOnlyList<Target> Targets) : Target
{
    public override void Set(Interpreter interpreter, Scope scope, object? value)
    {
        List<object?> items = [.. interpreter.Items(value).Take(Targets.Count + 1)];
        if (items.Count != Targets.Count)
            throw interpreter.Error($"{Targets.Count} values are needed for {Targets.Count} names.");
        foreach ((Target target, object? item) in Targets.Zip(items))
            target.Set(interpreter, scope, item);
    }
}
