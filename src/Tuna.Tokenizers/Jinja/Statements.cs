using System.Text;

namespace Tuna.Tokenizers.Jinja;

/// <summary>How a statement ends.</summary>
internal enum Flow
{
    /// <summary>The next one follows.</summary>
    Next,

    /// <summary>The loop goes on with its next item.</summary>
    Continue,

    /// <summary>The loop ends.</summary>
    Break,
}

/// <summary>A statement of a template.</summary>
internal abstract record Statement(int Line)
{
    public Flow Run(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        interpreter.Step();
        interpreter.Line = Line;
        return Execute(interpreter, scope, output);
    }

    protected abstract Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output);
}

/// <summary>Statements one after the other.</summary>
internal sealed record Body(IReadOnlyList<Statement> Statements)
{
    public Flow Run(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        using Interpreter.Level level = interpreter.Deeper();
        foreach (Statement statement in Statements)
        {
            Flow flow = statement.Run(interpreter, scope, output);
            if (flow != Flow.Next)
                return flow;
        }

        return Flow.Next;
    }

    /// <summary>What it writes, as a text of its own.</summary>
    public string Text(Interpreter interpreter, Scope scope)
    {
        var output = new StringBuilder();
        Run(interpreter, scope, output);
        return output.ToString();
    }
}

/// <summary>Text as it stands.</summary>
internal sealed record DataStatement(string Text, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        interpreter.Charge(Text.Length);
        output.Append(Text);
        return Flow.Next;
    }
}

/// <summary><c>{{ ... }}</c>.</summary>
internal sealed record PrintStatement(Expression Content, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        string text = interpreter.Text(Content.Value(interpreter, scope));
        interpreter.Charge(text.Length);
        output.Append(text);
        return Flow.Next;
    }
}

/// <summary><c>{% if %}</c>.</summary>
internal sealed record IfStatement(IReadOnlyList<(Expression? Condition, Body Body)> Branches, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        foreach ((Expression? condition, Body body) in Branches)
        {
            if (condition is null || interpreter.Truth(condition.Value(interpreter, scope)))
                return body.Run(interpreter, scope, output);
        }

        return Flow.Next;
    }
}

/// <summary><c>{% for %}</c>.</summary>
internal sealed record ForStatement(Target Item, Expression Over, Expression? Test, bool Recursive, Body Body, Body? Otherwise, int Line)
    : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        object? over = Over.Value(interpreter, scope);
        Loop(interpreter, scope, over, 0, output);
        return Flow.Next;
    }

    private void Loop(Interpreter interpreter, Scope scope, object? over, long depth, StringBuilder output)
    {
        IEnumerable<object?> items = interpreter.Items(over);
        if (Test is not null)
            items = items.Where(item => Holds(interpreter, scope, item));
        var loop = new LoopValue(items, Test is null ? Interpreter.Length(over) : null, depth, Recursive ? Again : null);
        bool none = true;
        while (loop.Next(out object? item))
        {
            var inner = new Scope(scope);
            inner.Set("loop", loop);
            Item.Set(interpreter, inner, item);
            Flow flow = Body.Run(interpreter, inner, output);
            if (flow == Flow.Break)
                break;
            // As in Jinja, an item that ends in 'continue' does not count as one for 'else'.
            none &= flow == Flow.Continue;
        }

        if (none)
            Otherwise?.Run(interpreter, new Scope(scope), output);

        string Again(object? other, long deeper)
        {
            using Interpreter.Level level = interpreter.Deeper();
            var text = new StringBuilder();
            Loop(interpreter, scope, other, deeper, text);
            return text.ToString();
        }
    }

    private bool Holds(Interpreter interpreter, Scope scope, object? item)
    {
        var inner = new Scope(scope);
        Item.Set(interpreter, inner, item);
        return interpreter.Truth(Test!.Value(interpreter, inner));
    }
}

/// <summary><c>{% break %}</c> or <c>{% continue %}</c>.</summary>
internal sealed record JumpStatement(Flow Jump, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output) => Jump;
}

/// <summary><c>{% set a = b %}</c>.</summary>
internal sealed record SetStatement(Target Target, Expression Content, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        object? value = Content.Value(interpreter, scope);
        interpreter.Line = Line;
        Target.Set(interpreter, scope, value);
        return Flow.Next;
    }
}

/// <summary><c>{% set a %}...{% endset %}</c> and <c>{% filter f %}...{% endfilter %}</c>, which has no target.</summary>
internal sealed record BlockStatement(Target? Target, FilterExpression? Filter, Body Body, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        string text = Body.Text(interpreter, new Scope(scope));
        object? value = Filter is null ? text : Filter.Apply(interpreter, scope, text);
        if (Target is not null)
        {
            Target.Set(interpreter, scope, value);
            return Flow.Next;
        }

        text = interpreter.Text(value);
        interpreter.Charge(text.Length);
        output.Append(text);
        return Flow.Next;
    }
}

/// <summary><c>{% with a = b %}</c>.</summary>
internal sealed record WithStatement(IReadOnlyList<(Target Target, Expression Value)> Values, Body Body, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        var inner = new Scope(scope);
        foreach ((Target target, Expression value) in Values)
            target.Set(interpreter, inner, value.Value(interpreter, scope));
        return Body.Run(interpreter, inner, output);
    }
}

/// <summary><c>{% generation %}</c>: what the assistant writes, and where in the chat it stands.</summary>
internal sealed record GenerationStatement(Body Body, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        string text = Body.Text(interpreter, new Scope(scope));
        interpreter.Generated(output, text.Length);
        interpreter.Charge(text.Length);
        output.Append(text);
        return Flow.Next;
    }
}

/// <summary><c>{% macro name(...) %}</c>.</summary>
internal sealed record MacroStatement(string Name, Signature Signature, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        scope.Set(Name, Signature.Macro(Name, scope));
        return Flow.Next;
    }
}

/// <summary><c>{% call name(...) %}</c>.</summary>
internal sealed record CallStatement(CallExpression Call, Signature Caller, int Line) : Statement(Line)
{
    protected override Flow Execute(Interpreter interpreter, Scope scope, StringBuilder output)
    {
        string text = interpreter.Text(Call.Call(interpreter, scope, Caller.Macro("caller", scope)));
        interpreter.Charge(text.Length);
        output.Append(text);
        return Flow.Next;
    }
}
