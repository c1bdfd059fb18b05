using System.Globalization;

namespace Tuna.Data;

/// <summary>What reading changed or decided, counted by reason. A mutable class, used by one thread.</summary>
public sealed class DataReadReport
{
    private readonly SortedDictionary<string, long> _counts = new(StringComparer.Ordinal);

    /// <summary>How many rows each reason concerns.</summary>
    public IReadOnlyDictionary<string, long> Counts => _counts;

    /// <summary>A line per reason.</summary>
    public override string ToString() =>
        string.Join(Environment.NewLine, _counts.Select(c => string.Create(CultureInfo.InvariantCulture, $"{c.Value} rows: {c.Key}")));

    internal void Add(string reason) => _counts[reason] = _counts.GetValueOrDefault(reason) + 1;
}
