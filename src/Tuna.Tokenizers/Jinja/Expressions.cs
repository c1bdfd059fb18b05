namespace Tuna.Tokenizers.Jinja;

/// <summary>An expression of a template.</summary>
internal abstract record Expression(int Line)
{
    /// <summary>Its value.</summary>
    public object? Value(Interpreter interpreter, Scope scope)
    {
        interpreter.Step();
        interpreter.Line = Line;
        using Interpreter.Level level = interpreter.Deeper();
        return Evaluate(interpreter, scope);
    }

    protected abstract object? Evaluate(Interpreter interpreter, Scope scope);
}

/// <summary>A literal.</summary>
internal sealed record Literal(object? Content, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope) => Content;
}

/// <summary>A name.</summary>
internal sealed record NameExpression(string Name, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope) =>
        scope.TryGet(Name, out object? value) || interpreter.Globals.TryGet(Name, out value) ? value : new Undefined($"'{Name}'");
}

/// <summary><c>[...]</c> or <c>(..., ...)</c>.</summary>
internal sealed record SequenceExpression(IReadOnlyList<Expression> Items, bool IsTuple, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        List<object?> items = [.. Items.Select(i => i.Value(interpreter, scope))];
        return IsTuple ? new TupleValue(items) : new ListValue(items);
    }
}

/// <summary><c>{key: value, ...}</c>.</summary>
internal sealed record DictionaryExpression(IReadOnlyList<(Expression Key, Expression Value)> Pairs, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        var dictionary = new DictValue();
        foreach ((Expression key, Expression value) in Pairs)
            dictionary[interpreter.Key(key.Value(interpreter, scope))] = value.Value(interpreter, scope);
        return dictionary;
    }
}

/// <summary><c>value.name</c>.</summary>
internal sealed record AttributeExpression(Expression Of, string Name, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        object? value = Of.Value(interpreter, scope);
        interpreter.Line = Line;
        return interpreter.Attribute(value, Name);
    }
}

/// <summary><c>value[key]</c>.</summary>
internal sealed record ItemExpression(Expression Of, Expression Key, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        object? value = Of.Value(interpreter, scope), key = Key.Value(interpreter, scope);
        interpreter.Line = Line;
        return interpreter.Item(value, key);
    }
}

/// <summary><c>value[start:stop:step]</c>.</summary>
internal sealed record SliceExpression(Expression Of, Expression? Start, Expression? Stop, Expression? Step, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope) =>
        interpreter.Slice(Of.Value(interpreter, scope), Start?.Value(interpreter, scope), Stop?.Value(interpreter, scope),
            Step?.Value(interpreter, scope));
}

/// <summary>The arguments that a call writes.</summary>
internal sealed record CallArguments(IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named)
{
    public static readonly CallArguments None = new([], []);

    public Arguments Values(Interpreter interpreter, Scope scope, string function) => new(
        interpreter,
        function,
        [.. Positional.SelectMany(p => p is SpreadExpression spread ? spread.Items(interpreter, scope) : [p.Value(interpreter, scope)])],
        [.. Named.Select(n => KeyValuePair.Create(n.Name, n.Value.Value(interpreter, scope)))]);
}

/// <summary><c>*values</c> among a call's arguments.</summary>
internal sealed record SpreadExpression(Expression Values, int Line) : Expression(Line)
{
    /// <summary>The arguments that it stands for.</summary>
    public IEnumerable<object?> Items(Interpreter interpreter, Scope scope) => interpreter.Items(Values.Value(interpreter, scope));

    protected override object? Evaluate(Interpreter interpreter, Scope scope) =>
        throw interpreter.Error("'*' stands among the arguments of a call only.");
}

/// <summary>A call.</summary>
internal sealed record CallExpression(Expression Function, CallArguments Arguments, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope) => Call(interpreter, scope, null);

    /// <summary>Calls it, with a block as <c>caller</c> where there is one.</summary>
    public object? Call(Interpreter interpreter, Scope scope, Callable? caller)
    {
        object? function = Function.Value(interpreter, scope);
        string name = function is Callable callable ? callable.Name : "loop";
        Arguments arguments = Arguments.Values(interpreter, scope, name);
        if (caller is not null)
            arguments.Named.Add(new("caller", caller));
        interpreter.Line = Line;
        return function switch
        {
            Callable known => known.Call(arguments),
            LoopValue loop => loop.Call(arguments),
            Undefined undefined => throw interpreter.Error($"{undefined.What} is not there, so it cannot be called."),
            _ => throw interpreter.Error($"{Interpreter.KindOf(function)} cannot be called."),
        };
    }
}

/// <summary><c>value | filter(...)</c>; the value is null in a filter of a block.</summary>
internal sealed record FilterExpression(Expression? Of, string Name, CallArguments Arguments, int Line) : Expression(Line)
{
    private readonly Func<Arguments, object?, object?> _filter = Filters.Find(Name)
        ?? throw Lexer.Unsupported(Line, $"the filter '{Name}'");

    protected override object? Evaluate(Interpreter interpreter, Scope scope) => Apply(interpreter, scope, null);

    /// <summary>Its value, with a block's text at the beginning of the chain.</summary>
    public object? Apply(Interpreter interpreter, Scope scope, string? block)
    {
        using Interpreter.Level level = interpreter.Deeper();
        object? value = Of switch
        {
            null => block,
            FilterExpression filter => filter.Apply(interpreter, scope, block),
            _ => Of.Value(interpreter, scope),
        };
        Arguments arguments = Arguments.Values(interpreter, scope, Name);
        interpreter.Line = Line;
        object? result = _filter(arguments, value);
        arguments.Done();
        return result;
    }
}

/// <summary><c>value is test(...)</c>.</summary>
internal sealed record TestExpression(Expression Of, string Name, CallArguments Arguments, int Line) : Expression(Line)
{
    private readonly Func<Arguments, object?, bool> _test = Tests.Find(Name) ?? throw Lexer.Unsupported(Line, $"the test '{Name}'");

    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        object? value = Of.Value(interpreter, scope);
        Arguments arguments = Arguments.Values(interpreter, scope, Name);
        interpreter.Line = Line;
        bool holds = _test(arguments, value);
        arguments.Done();
        return holds;
    }
}

/// <summary><c>and</c> or <c>or</c>, whose value is that of the side that decides.</summary>
internal sealed record LogicExpression(bool IsAnd, Expression Left, Expression Right, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        object? left = Left.Value(interpreter, scope);
        return interpreter.Truth(left) == IsAnd ? Right.Value(interpreter, scope) : left;
    }
}

/// <summary><c>not</c>.</summary>
internal sealed record NotExpression(Expression Of, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope) => !interpreter.Truth(Of.Value(interpreter, scope));
}

/// <summary>A sign.</summary>
internal sealed record SignExpression(Expression Of, bool Negative, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        object? value = Of.Value(interpreter, scope);
        if (Negative)
            return interpreter.Negative(value);
        return Interpreter.IsNumber(value)
            ? value is bool flag ? (flag ? 1L : 0L) : value : throw interpreter.Error($"'+' does not go with {Interpreter.KindOf(value)}.");
    }
}

/// <summary><c>+ - * / // % **</c>.</summary>
internal sealed record ArithmeticExpression(string Operation, Expression Left, Expression Right, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        object? left = Left.Value(interpreter, scope), right = Right.Value(interpreter, scope);
        interpreter.Line = Line;
        if (left is Undefined || right is Undefined)
            throw interpreter.Error($"{((left as Undefined) ?? (Undefined)right!).What} is not there, so '{Operation}' has no value.");
        return interpreter.Arithmetic(Operation, left, right);
    }
}

/// <summary><c>~</c>.</summary>
internal sealed record ConcatExpression(IReadOnlyList<Expression> Parts, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        string[] parts = [.. Parts.Select(p => interpreter.Text(p.Value(interpreter, scope)))];
        interpreter.Charge(parts.Sum(p => (long)p.Length));
        return string.Concat(parts);
    }
}

/// <summary>Comparisons, each with the next: <c>a &lt; b &lt; c</c>.</summary>
internal sealed record CompareExpression(Expression First, IReadOnlyList<(string Operation, Expression Operand)> Rest, int Line)
    : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        object? left = First.Value(interpreter, scope);
        foreach ((string operation, Expression operand) in Rest)
        {
            object? right = operand.Value(interpreter, scope);
            interpreter.Line = Line;
            if (!Holds(interpreter, operation, left, right))
                return false;
            left = right;
        }

        return true;
    }

    private static bool Holds(Interpreter interpreter, string operation, object? left, object? right) => operation switch
    {
        "==" => interpreter.Same(left, right),
        "!=" => !interpreter.Same(left, right),
        "in" => interpreter.Contains(right, left),
        "not in" => !interpreter.Contains(right, left),
        "<" => interpreter.Compare(left, right) < 0,
        "<=" => interpreter.Compare(left, right) <= 0,
        ">" => interpreter.Compare(left, right) > 0,
        _ => interpreter.Compare(left, right) >= 0,
    };
}

/// <summary><c>a if b else c</c>.</summary>
internal sealed record ConditionExpression(Expression Condition, Expression Then, Expression? Otherwise, int Line) : Expression(Line)
{
    protected override object? Evaluate(Interpreter interpreter, Scope scope)
    {
        if (interpreter.Truth(Condition.Value(interpreter, scope)))
            return Then.Value(interpreter, scope);
        return Otherwise is null ? new Undefined("the value of an 'if' without 'else'") : Otherwise.Value(interpreter, scope);
    }
}
