namespace Tuna.Tokenizers.Jinja;

/// <summary>Reads a template.</summary>
internal sealed class TemplateParser : ExpressionParser
{
    private static readonly string[] Files = ["include", "import", "from", "extends", "block"];
    private int _loops;

    private TemplateParser(List<Token> tokens)
        : base(tokens)
    {
    }

    /// <summary>Reads a template.</summary>
    /// <exception cref="InvalidDataException">It is no valid template; names the line.</exception>
    /// <exception cref="NotSupportedException">It uses what is not supported; names it and the line.</exception>
    public static Body Parse(string template)
    {
        var parser = new TemplateParser(Lexer.Tokens(template));
        Body body = parser.Statements();
        return parser.Current.Kind == TokenKind.End
            ? body : throw Lexer.Fault(parser.Current.Line, $"{parser.Current.Shown} has no beginning.");
    }

    // Until the template's end or a tag whose name is among the ends, which is left after its name.
    private Body Statements(params string[] ends)
    {
        var statements = new List<Statement>();
        while (Current.Kind != TokenKind.End)
        {
            Token token = Take();
            if (token.Kind == TokenKind.Data)
            {
                statements.Add(new DataStatement(token.Text, token.Line));
            }
            else if (token.Kind == TokenKind.VariableBegin)
            {
                statements.Add(new PrintStatement(Tuple(), token.Line));
                Expect(TokenKind.VariableEnd);
            }
            else if (ends.Contains(Current.Text) && Current.Kind == TokenKind.Name)
            {
                return new Body(statements);
            }
            else
            {
                statements.Add(Nested(Tag));
                Expect(TokenKind.BlockEnd);
            }
        }

        if (ends.Length > 0)
            throw Lexer.Fault(Current.Line, $"the template ends where {{% {ends[^1]} %}} is expected.");
        return new Body(statements);
    }

    // A body after its opening tag; the end's name is taken.
    private Body Inside(params string[] ends)
    {
        TakeOperator(":");
        Expect(TokenKind.BlockEnd);
        return Statements(ends);
    }

    private Body Whole(string end)
    {
        Body body = Inside(end);
        Take();
        return body;
    }

    private void Expect(TokenKind kind)
    {
        if (Current.Kind != kind)
            throw Lexer.Fault(Current.Line, $"the tag should end where {Current.Shown} stands.");
        Take();
    }

    private Statement Tag()
    {
        int line = Current.Line;
        string name = ExpectName();
        return name switch
        {
            "if" => If(line),
            "for" => For(line),
            "set" => Set(line),
            "macro" => Macro(line),
            "call" => Call(line),
            "filter" => new BlockStatement(null, FilterChain(takesPipe: false), Whole("endfilter"), line),
            "with" => With(line),
            "generation" => new GenerationStatement(OutsideOfLoops(() => Whole("endgeneration")), line),
            "break" or "continue" when _loops > 0 => new JumpStatement(name == "break" ? Flow.Break : Flow.Continue, line),
            "break" or "continue" => throw Lexer.Fault(line, $"{{% {name} %}} stands outside of a loop."),
            _ when name.StartsWith("end", StringComparison.Ordinal) || name is "else" or "elif" =>
                throw Lexer.Fault(line, $"{{% {name} %}} has no beginning."),
            _ when Files.Contains(name) => throw Lexer.Unsupported(line, $"the tag '{name}', which reads other templates,"),
            _ => throw Lexer.Unsupported(line, $"the tag '{name}'"),
        };
    }

    private IfStatement If(int line)
    {
        var branches = new List<(Expression?, Body)>();
        while (true)
        {
            Expression condition = Tuple(condition: false);
            branches.Add((condition, Inside("elif", "else", "endif")));
            string next = Take().Text;
            if (next == "elif")
                continue;
            if (next == "else")
                branches.Add((null, Whole("endif")));
            return new IfStatement(branches, line);
        }
    }

    private ForStatement For(int line)
    {
        Target item = Targets("in");
        Expect(TokenKind.Name, "in");
        Expression over = Tuple(condition: false, end: "recursive");
        Expression? test = TakeName("if") ? Expression() : null;
        bool recursive = TakeName("recursive");
        _loops++;
        Body body = Inside("else", "endfor");
        _loops--;
        Body? otherwise = Take().Text == "else" ? Whole("endfor") : null;
        return new ForStatement(item, over, test, recursive, body, otherwise, line);
    }

    private Statement Set(int line)
    {
        Target target = Targets("=");
        if (TakeOperator("="))
            return new SetStatement(target, Tuple(), line);
        FilterExpression? filter = Current.Is(TokenKind.Operator, "|") ? FilterChain(takesPipe: true) : null;
        return new BlockStatement(target, filter, Whole("endset"), line);
    }

    private FilterExpression FilterChain(bool takesPipe)
    {
        FilterExpression filter = Filter(null, takesPipe);
        while (Current.Is(TokenKind.Operator, "|"))
            filter = Filter(filter, takesPipe: true);
        return filter;
    }

    private MacroStatement Macro(int line)
    {
        string name = ExpectName();
        return new MacroStatement(name, Signed(() => Whole("endmacro")), line);
    }

    private CallStatement Call(int line)
    {
        IReadOnlyList<(string, Expression?)> parameters = Current.Is(TokenKind.Operator, "(") ? Parameters() : [];
        if (Expression() is not CallExpression call)
            throw Lexer.Fault(line, "{% call %} needs a call.");
        CollectUses();
        Body body = OutsideOfLoops(() => Whole("endcall"));
        return new CallStatement(call, new Signature(parameters, body, CollectedUses()), line);
    }

    private Signature Signed(Func<Body> read)
    {
        IReadOnlyList<(string, Expression?)> parameters = Parameters();
        CollectUses();
        Body body = OutsideOfLoops(read);
        return new Signature(parameters, body, CollectedUses());
    }

    private List<(string, Expression?)> Parameters()
    {
        var parameters = new List<(string Name, Expression? Default)>();
        Expect(TokenKind.Operator, "(");
        while (!TakeOperator(")"))
        {
            if (parameters.Count > 0)
                Expect(TokenKind.Operator, ",");
            int line = Current.Line;
            string name = ExpectName();
            Expression? otherwise = TakeOperator("=") ? Expression() : null;
            if (otherwise is null && parameters.Exists(p => p.Default is not null))
                throw Lexer.Fault(line, $"the argument '{name}' without a default follows one with a default.");
            parameters.Add((name, otherwise));
        }

        return parameters;
    }

    private WithStatement With(int line)
    {
        var values = new List<(Target, Expression)>();
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (values.Count > 0)
                Expect(TokenKind.Operator, ",");
            Target target = Targets("=");
            Expect(TokenKind.Operator, "=");
            values.Add((target, Expression()));
        }

        return new WithStatement(values, Whole("endwith"), line);
    }

    // Breaks inside of a macro do not end a loop around it.
    private Body OutsideOfLoops(Func<Body> read)
    {
        int loops = _loops;
        _loops = 0;
        Body body = read();
        _loops = loops;
        return body;
    }

    private Target Targets(string end)
    {
        var targets = new List<Target>();
        bool tuple = false;
        do
        {
            if (Current.Is(TokenKind.Name, end) || Current.Is(TokenKind.Operator, end))
                break;
            targets.Add(TakeOperator("(") ? Parenthesized() : One());
            tuple |= Current.Is(TokenKind.Operator, ",");
        }
        while (TakeOperator(","));
        return targets switch
        {
            [] => throw Lexer.Fault(Current.Line, "there is no name to assign to."),
            [Target only] when !tuple => only,
            _ => new TupleTarget(targets),
        };
    }

    private Target Parenthesized()
    {
        Target target = Nested(() => Targets(")"));
        Expect(TokenKind.Operator, ")");
        return target;
    }

    private Target One()
    {
        int line = Current.Line;
        string name = ExpectName();
        if (name is "true" or "false" or "none" or "True" or "False" or "None" or "loop")
            throw Lexer.Fault(line, $"'{name}' cannot be assigned to.");
        return TakeOperator(".") ? new NamespaceTarget(name, ExpectName()) : new NameTarget(name);
    }
}
