namespace Tuna.Tokenizers.Jinja;

/// <content>What may follow a value: attributes, items, calls, filters and tests.</content>
internal partial class ExpressionParser
{
    private Expression Postfix(Expression value)
    {
        while (Current.Kind == TokenKind.Operator && Current.Text is "." or "[" or "(")
        {
            int line = Current.Line;
            value = Current.Text switch
            {
                "." => Attribute(value, line),
                "[" => Item(value, line),
                _ => new CallExpression(value, Arguments(), line),
            };
        }

        return value;
    }

    private Expression Attribute(Expression value, int line)
    {
        Take();
        return Current.Kind == TokenKind.Integer
            ? new ItemExpression(value, new Literal(Take().Value, line), line)
            : new AttributeExpression(value, ExpectName(), line);
    }

    private Expression Item(Expression value, int line)
    {
        Take();
        Expression? start = Current.Is(TokenKind.Operator, ":") ? null : Expression();
        if (TakeOperator(":"))
        {
            Expression? stop = SliceEnds() ? null : Expression();
            Expression? step = TakeOperator(":") && !SliceEnds() ? Expression() : null;
            Expect(TokenKind.Operator, "]");
            return new SliceExpression(value, start, stop, step, line);
        }

        Expect(TokenKind.Operator, "]");
        return new ItemExpression(value, start!, line);
    }

    private bool SliceEnds() => Current.Kind == TokenKind.Operator && Current.Text is "]" or ":" or ",";

    private Expression FiltersAndTests(Expression value)
    {
        while (true)
        {
            if (Current.Is(TokenKind.Operator, "|"))
                value = Filter(value, takesPipe: true);
            else if (Current.Is(TokenKind.Name, "is"))
                value = Test(value);
            else if (Current.Is(TokenKind.Operator, "("))
                value = new CallExpression(value, Arguments(), value.Line);
            else
                return value;
        }
    }

    protected FilterExpression Filter(Expression? value, bool takesPipe)
    {
        if (takesPipe)
            Take();
        int line = Current.Line;
        string name = DottedName();
        return new FilterExpression(value, name, Current.Is(TokenKind.Operator, "(") ? Arguments() : CallArguments.None, line);
    }

    private string DottedName()
    {
        string name = ExpectName();
        while (TakeOperator("."))
            name += "." + ExpectName();
        return name;
    }

    private Expression Test(Expression value)
    {
        int line = Take().Line;
        bool negated = TakeName("not");
        string name = DottedName();
        CallArguments arguments = CallArguments.None;
        if (Current.Is(TokenKind.Operator, "("))
        {
            arguments = Arguments();
        }
        else if (Current.Kind is TokenKind.String or TokenKind.Integer or TokenKind.Float
            || (Current.Kind == TokenKind.Name && Current.Text is not ("else" or "or" or "and"))
            || (Current.Kind == TokenKind.Operator && Current.Text is "[" or "{"))
        {
            if (Current.Is(TokenKind.Name, "is"))
                throw Lexer.Fault(line, "tests with 'is' cannot be chained.");
            arguments = new([Postfix(Primary())], []);
        }

        Expression test = new TestExpression(value, name, arguments, line);
        return negated ? new NotExpression(test, line) : test;
    }

    protected CallArguments Arguments()
    {
        int line = Current.Line;
        Expect(TokenKind.Operator, "(");
        var positional = new List<Expression>();
        var named = new List<(string, Expression)>();
        while (!TakeOperator(")"))
        {
            if (positional.Count + named.Count > 0)
            {
                Expect(TokenKind.Operator, ",");
                if (TakeOperator(")"))
                    break;
            }

            if (Current.Kind == TokenKind.Operator && Current.Text is "**")
                throw Lexer.Unsupported(line, "a call with '**'");
            bool spread = positional.Exists(p => p is SpreadExpression);
            if (TakeOperator("*"))
            {
                if (spread)
                    throw Lexer.Fault(line, "a call has two arguments with '*'.");
                positional.Add(new SpreadExpression(Expression(), line));
            }
            else if (Current.Kind == TokenKind.Name && Following.Is(TokenKind.Operator, "="))
            {
                string name = Take().Text;
                Take();
                if (named.Exists(n => n.Item1 == name))
                    throw Lexer.Fault(line, $"the argument '{name}' is given twice.");
                named.Add((name, Expression()));
            }
            else if (named.Count > 0 || spread)
            {
                throw Lexer.Fault(line, $"an argument by position follows one {(spread ? "with '*'" : "by name")}.");
            }
            else
            {
                positional.Add(Expression());
            }
        }

        return new CallArguments(positional, named);
    }
}
