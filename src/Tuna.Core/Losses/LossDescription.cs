using System.Globalization;

namespace Tuna.Losses;

/// <summary>A loss in words: its name and its settings. Two losses with equal descriptions compute the same.</summary>
public sealed class LossDescription
{
    /// <summary>Describes a loss.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="settings">Its settings, in a fixed order: numbers, texts, truth values or names of an enum; formatted without the
    /// machine's culture.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public LossDescription(string name, params ReadOnlySpan<(string Name, object Value)> settings)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Name = name;
        var list = new KeyValuePair<string, string>[settings.Length];
        for (int i = 0; i < list.Length; i++)
            list[i] = new(settings[i].Name, Convert.ToString(settings[i].Value, CultureInfo.InvariantCulture) ?? "");
        Settings = list;
    }

    /// <summary>Name of the loss.</summary>
    public string Name { get; }

    /// <summary>Its settings by name, as text that tells different values apart.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Settings { get; }

    /// <summary>Name and settings in one line: <c>SimPoLoss Beta=2 Gamma=1 Pairs=AllPairs</c>.</summary>
    public override string ToString() => string.Join(' ', Settings.Select(s => $"{s.Key}={s.Value}").Prepend(Name));
}
