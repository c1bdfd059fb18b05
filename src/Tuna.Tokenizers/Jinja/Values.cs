using System.Diagnostics.CodeAnalysis;

namespace Tuna.Tokenizers.Jinja;

// A value of a template is null (None), bool, long, double, string, or one of these.

/// <summary>A list.</summary>
internal sealed record ListValue(List<object?> Items);

/// <summary>A tuple.</summary>
internal sealed record TupleValue(IReadOnlyList<object?> Items);

/// <summary>A dictionary in the order of its keys' first use; keys that are equal numbers are one key.</summary>
internal sealed class DictValue
{
    private readonly Dictionary<object, int> _places = new(KeyComparer.Instance);

    public List<KeyValuePair<object?, object?>> Items { get; } = [];

    public object? this[object? key]
    {
        set
        {
            if (_places.TryGetValue(key ?? KeyComparer.None, out int place))
            {
                Items[place] = new(Items[place].Key, value);
                return;
            }

            _places[key ?? KeyComparer.None] = Items.Count;
            Items.Add(new(key, value));
        }
    }

    public bool TryGet(object? key, out object? value)
    {
        bool found = _places.TryGetValue(key ?? KeyComparer.None, out int place);
        value = found ? Items[place].Value : null;
        return found;
    }
}

/// <summary>What stands for a name, key or attribute that is not there.</summary>
/// <param name="What">What is missing, for messages.</param>
internal sealed record Undefined(string What);

/// <summary>A <c>namespace(...)</c>: attributes that inner scopes may set.</summary>
internal sealed class NamespaceValue
{
    public DictValue Attributes { get; } = new();
}

/// <summary>Items that are there once: what filters such as <c>map</c> give.</summary>
internal sealed class GeneratorValue(IEnumerable<object?> items)
{
    public IEnumerator<object?> Items { get; } = items.GetEnumerator();
}

/// <summary>The keys, values or items of a dictionary, or a range: what can be gone through again and again.</summary>
/// <param name="Kind">Its name in Python.</param>
/// <param name="Items">Its items.</param>
internal sealed record ViewValue(string Kind, IReadOnlyList<object?> Items);

/// <summary>Text that was marked as safe. Chats are not escaped, so it is text that nothing but printing is done with.</summary>
internal sealed record SafeText(string Text);

/// <summary>What can be called.</summary>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Call">What it does.</param>
internal sealed record Callable(string Name, Func<Arguments, object?> Call);

/// <summary>Equality of keys: numbers and truth values by their value, texts by their characters, tuples by their items.</summary>
internal sealed class KeyComparer : IEqualityComparer<object>
{
    /// <summary>Stands for the key None.</summary>
    public static readonly object None = new();

    public static readonly KeyComparer Instance = new();

    public new bool Equals(object? x, object? y) => ReferenceEquals(x, y) || Normal(x!).Equals(Normal(y!));

    public int GetHashCode([DisallowNull] object obj) => Normal(obj).GetHashCode();

    // Texts stay apart from numbers; whole doubles are the same key as the number.
    private static object Normal(object key) => key switch
    {
        bool flag => flag ? 1L : 0L,
        double real when real == Math.Floor(real) && Math.Abs(real) < 1e18 => (long)real,
        _ => key,
    };
}

/// <summary>An object with attributes of its own.</summary>
internal interface IMembers
{
    /// <summary>The attribute of a name.</summary>
    bool TryMember(Interpreter interpreter, string name, out object? member);
}
