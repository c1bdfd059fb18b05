namespace Tuna.Tokenizers.Jinja;

/// <summary>Reads expressions, with Jinja's precedences.</summary>
internal partial class ExpressionParser(List<Token> tokens)
{
    private const int MostDepth = 60;
    private static readonly string[] Comparisons = ["==", "!=", "<", "<=", ">", ">="];

    private readonly Stack<HashSet<string>> _uses = new();
    private int _at;
    private int _depth;

    protected Token Current => tokens[_at];

    protected Token Following => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    protected Token Take() => tokens[_at < tokens.Count - 1 ? _at++ : _at];

    protected bool TakeName(string name) => Take(TokenKind.Name, name);

    protected bool TakeOperator(string text) => Take(TokenKind.Operator, text);

    protected bool Take(TokenKind kind, string text)
    {
        if (!Current.Is(kind, text))
            return false;
        Take();
        return true;
    }

    protected void Expect(TokenKind kind, string text)
    {
        if (!Take(kind, text))
            throw Lexer.Fault(Current.Line, $"'{text}' is expected where {Current.Shown} stands.");
    }

    protected string ExpectName()
    {
        if (Current.Kind != TokenKind.Name)
            throw Lexer.Fault(Current.Line, $"a name is expected where {Current.Shown} stands.");
        return Take().Text;
    }

    /// <summary>Collects the names that are used until the collection is ended.</summary>
    protected void CollectUses() => _uses.Push(new HashSet<string>(StringComparer.Ordinal));

    protected IReadOnlySet<string> CollectedUses()
    {
        HashSet<string> uses = _uses.Pop();
        if (_uses.TryPeek(out HashSet<string>? around))
            around.UnionWith(uses);
        return uses;
    }

    /// <summary>Reads something that may lie in something else of its kind.</summary>
    protected T Nested<T>(Func<T> read)
    {
        if (++_depth > MostDepth)
            throw Lexer.Unsupported(Current.Line, $"nesting of more than {MostDepth} levels");
        T result = read();
        _depth--;
        return result;
    }

    public Expression Expression() => Nested(Condition);

    /// <summary>One expression, or several with commas between them, which are a tuple.</summary>
    protected Expression Tuple(bool condition = true, bool parentheses = false, string? end = null)
    {
        int line = Current.Line;
        var items = new List<Expression>();
        bool tuple = false;
        while (!TupleEnds(end))
        {
            items.Add(condition ? Expression() : Nested(Or));
            if (!TakeOperator(","))
                break;
            tuple = true;
        }

        if (!tuple && items.Count == 1)
            return items[0];
        return tuple || parentheses ? new SequenceExpression(items, IsTuple: true, line)
            : throw Lexer.Fault(line, $"an expression is expected where {Current.Shown} stands.");
    }

    private bool TupleEnds(string? end) => Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd
        || Current.Is(TokenKind.Operator, ")") || (end is not null && Current.Is(TokenKind.Name, end));

    private Expression Condition()
    {
        Expression then = Or();
        while (Current.Is(TokenKind.Name, "if"))
        {
            int line = Take().Line;
            Expression condition = Or();
            then = new ConditionExpression(condition, then, TakeName("else") ? Nested(Condition) : null, line);
        }

        return then;
    }

    private Expression Or()
    {
        Expression left = And();
        while (Current.Is(TokenKind.Name, "or"))
            left = new LogicExpression(false, left, RightOf(And), left.Line);
        return left;
    }

    private Expression And()
    {
        Expression left = Not();
        while (Current.Is(TokenKind.Name, "and"))
            left = new LogicExpression(true, left, RightOf(Not), left.Line);
        return left;
    }

    private Expression RightOf(Func<Expression> read)
    {
        Take();
        return read();
    }

    private Expression Not()
    {
        if (!Current.Is(TokenKind.Name, "not"))
            return Comparison();
        int line = Take().Line;
        return new NotExpression(Nested(Not), line);
    }

    private Expression Comparison()
    {
        Expression first = Sum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            if (Current.Kind == TokenKind.Operator && Comparisons.Contains(Current.Text))
            {
                string operation = Take().Text;
                rest.Add((operation, Sum()));
            }
            else if (TakeName("in"))
            {
                rest.Add(("in", Sum()));
            }
            else if (Current.Is(TokenKind.Name, "not") && Following.Is(TokenKind.Name, "in"))
            {
                Take();
                Take();
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count == 0 ? first : new CompareExpression(first, rest, first.Line);
            }
        }
    }

    private Expression Sum() => Chain(Concat, "+", "-");

    private Expression Concat()
    {
        Expression first = Product();
        if (!Current.Is(TokenKind.Operator, "~"))
            return first;
        var parts = new List<Expression> { first };
        while (TakeOperator("~"))
            parts.Add(Product());
        return new ConcatExpression(parts, first.Line);
    }

    private Expression Product() => Chain(Power, "*", "/", "//", "%");

    private Expression Power() => Chain(() => Unary(filters: true), "**");

    private Expression Chain(Func<Expression> operand, params ReadOnlySpan<string> operations)
    {
        Expression left = operand();
        while (Current.Kind == TokenKind.Operator && operations.Contains(Current.Text))
        {
            string operation = Take().Text;
            left = new ArithmeticExpression(operation, left, operand(), left.Line);
        }

        return left;
    }

    private Expression Unary(bool filters)
    {
        Expression value;
        if (Current.Kind == TokenKind.Operator && Current.Text is "-" or "+")
        {
            Token sign = Take();
            value = new SignExpression(Nested(() => Unary(filters: false)), sign.Text == "-", sign.Line);
        }
        else
        {
            value = Primary();
        }

        value = Postfix(value);
        return filters ? FiltersAndTests(value) : value;
    }

    protected Expression Primary()
    {
        Token token = Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return Named(token);
            case TokenKind.String:
                string text = token.Text;
                while (Current.Kind == TokenKind.String)
                    text += Take().Text;
                return new Literal(text, token.Line);
            case TokenKind.Integer or TokenKind.Float:
                return new Literal(token.Value, token.Line);
            case TokenKind.Operator when token.Text == "(":
                Expression inside = Nested(() => Tuple(parentheses: true));
                Expect(TokenKind.Operator, ")");
                return inside;
            case TokenKind.Operator when token.Text == "[":
                return new SequenceExpression(Listed("]", Expression), IsTuple: false, token.Line);
            case TokenKind.Operator when token.Text == "{":
                return new DictionaryExpression(Listed("}", Pair), token.Line);
            default:
                throw Lexer.Fault(token.Line, $"an expression is expected where {token.Shown} stands.");
        }
    }

    private Expression Named(Token token)
    {
        switch (token.Text)
        {
            case "true" or "True" or "false" or "False":
                return new Literal(token.Text is "true" or "True", token.Line);
            case "none" or "None":
                return new Literal(null, token.Line);
            default:
                if (_uses.TryPeek(out HashSet<string>? uses))
                    uses.Add(token.Text);
                return new NameExpression(token.Text, token.Line);
        }
    }

    private (Expression, Expression) Pair()
    {
        Expression key = Expression();
        Expect(TokenKind.Operator, ":");
        return (key, Expression());
    }

    private List<T> Listed<T>(string end, Func<T> read)
    {
        var items = new List<T>();
        while (!TakeOperator(end))
        {
            if (items.Count > 0)
            {
                Expect(TokenKind.Operator, ",");
                if (TakeOperator(end))
                    break;
            }

            items.Add(read());
        }

        return items;
    }
}
