namespace Tuna.Tokenizers.Jinja;

/// <summary>Names and their values; a name that is not here is looked for in the scope around.</summary>
internal sealed class Scope(Scope? around = null)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public void Set(string name, object? value) => _values[name] = value;

    public bool TryGet(string name, out object? value)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Around)
        {
            if (scope._values.TryGetValue(name, out value))
                return true;
        }

        value = null;
        return false;
    }

    private Scope? Around { get; } = around;
}
