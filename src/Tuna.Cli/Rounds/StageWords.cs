using System.Globalization;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Rounds;

/// <summary>Options of one kind of stage, as a person gives them: <c>KEY=VALUE</c>, or <c>KEY</c> for one without a value.</summary>
internal sealed class StageWords
{
    private readonly List<(string Option, string? Value)> _options = [];

    /// <param name="setting">The option that has them, for errors.</param>
    /// <param name="words">What was given.</param>
    /// <param name="own">Keys that the rounds set themselves.</param>
    public StageWords(string setting, IEnumerable<string> words, IReadOnlyCollection<string> own)
    {
        foreach (string word in words)
        {
            int equals = word.IndexOf('=', StringComparison.Ordinal);
            string key = (equals < 0 ? word : word[..equals]).TrimStart('-');
            if (key.Length == 0)
                throw new StageException($"{setting} {word}: an option of the stage is given as KEY=VALUE.", ExitCodes.Usage);
            if (own.Contains(key))
                throw new StageException($"{setting} {word}: the rounds set {key} themselves.", ExitCodes.Usage);
            _options.Add(("--" + key, equals < 0 ? null : word[(equals + 1)..]));
        }
    }

    public IReadOnlyList<(string Option, string? Value)> Options => _options;

    /// <summary>The last value of a key, or null.</summary>
    public string? this[string key] => _options.LastOrDefault(o => o.Option == "--" + key).Value;

    /// <summary>The value of a key as a number, the other one where there is none; what cannot be read the stage itself refuses.</summary>
    public int Number(string key, int otherwise) =>
        int.TryParse(this[key], NumberStyles.Integer, CultureInfo.InvariantCulture, out int value) ? value : otherwise;

    /// <summary>The value of a key as an amount of money; 0 where there is none.</summary>
    public decimal Amount(string key) =>
        decimal.TryParse(this[key], NumberStyles.Number, CultureInfo.InvariantCulture, out decimal value) ? value : 0;
}
