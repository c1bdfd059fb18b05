namespace Tuna.Tokenizers.Jinja;

/// <summary><c>loop</c>: where a <c>for</c> is. It looks ahead only when it is asked something that needs it.</summary>
/// <param name="items">What is gone through.</param>
/// <param name="length">How many, where that is known beforehand.</param>
/// <param name="depth">How many recursive loops are around it.</param>
/// <param name="again">Renders the loop's body over other items; null in a loop that is not recursive.</param>
internal sealed class LoopValue(IEnumerable<object?> items, long? length, long depth, Func<object?, long, string>? again) : IMembers
{
    private readonly IEnumerator<object?> _items = items.GetEnumerator();
    private readonly Queue<object?> _ahead = new();
    private long? _length = length;
    private long _index = -1;
    private object? _current = new Undefined("the item before the loop");
    private object? _previous;
    private object? _changed = new Undefined("nothing yet");

    /// <summary>Goes on to the next item.</summary>
    public bool Next(out object? item)
    {
        item = null;
        if (!Peek())
            return false;
        item = _ahead.Dequeue();
        _index++;
        _previous = _current;
        _current = item;
        return true;
    }

    public bool TryMember(Interpreter interpreter, string name, out object? member)
    {
        member = name switch
        {
            "index" => _index + 1,
            "index0" => _index,
            "first" => _index == 0,
            "last" => !Peek(),
            "length" => Length(),
            "revindex" => Length() - _index,
            "revindex0" => Length() - _index - 1,
            "depth" => depth + 1,
            "depth0" => depth,
            "previtem" => _index == 0 ? new Undefined("there is no previous item") : _previous,
            "nextitem" => Peek() ? _ahead.Peek() : new Undefined("there is no next item"),
            "cycle" => new Callable("loop.cycle", Cycle),
            "changed" => new Callable("loop.changed", a => Changed(a)),
            _ => null,
        };
        return member is not null || name is "previtem" or "nextitem";
    }

    /// <summary><c>loop(items)</c> in a recursive loop.</summary>
    public object? Call(Arguments arguments)
    {
        object? other = arguments.Required("iterable");
        arguments.Done();
        return again is null ? throw arguments.Interpreter.Error("loop(...) is called in a loop that is not recursive.")
            : again(other, depth + 1);
    }

    private bool Peek()
    {
        if (_ahead.Count == 0 && _items.MoveNext())
            _ahead.Enqueue(_items.Current);
        return _ahead.Count > 0;
    }

    private long Length()
    {
        if (_length is null)
        {
            while (_items.MoveNext())
                _ahead.Enqueue(_items.Current);
            _length = _index + 1 + _ahead.Count;
        }

        return _length.Value;
    }

    private object? Cycle(Arguments arguments)
    {
        if (arguments.Positional.Count == 0 || arguments.Named.Count > 0)
            throw arguments.Interpreter.Error("loop.cycle needs values, by position.");
        return arguments.Positional[(int)(_index % arguments.Positional.Count)];
    }

    private bool Changed(Arguments arguments)
    {
        var now = new TupleValue(arguments.Positional);
        bool changed = !arguments.Interpreter.Same(_changed, now);
        _changed = now;
        return changed;
    }
}
