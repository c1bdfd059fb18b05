using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Tuna.Cli.Files;

namespace Tuna.Cli.Hosting;

/// <summary>What the value of a setting decides.</summary>
internal enum Effect
{
    /// <summary>The output: its value is part of the fingerprint.</summary>
    Output,

    /// <summary>The output, by the content of the files or folders that it names: their hashes are part of the fingerprint.</summary>
    Content,

    /// <summary>Where the output goes, how fast it is there, what it costs: another value goes on with the same output.</summary>
    Course,
}

/// <summary>A setting of a command, whatever its type.</summary>
internal interface ISetting
{
    /// <summary>Its name on the command line without dashes, which is its key in a recipe and in a fingerprint.</summary>
    string Key { get; }

    /// <summary>What its value decides.</summary>
    Effect Effect { get; }

    /// <summary>Adds the value, or the content it names, unless it decides nothing of the output.</summary>
    void AddTo(Fingerprint fingerprint, ParseResult parse);
}

/// <summary>A setting, written once: an option of the command line, a key of recipes, an entry of the output's fingerprint.</summary>
/// <remarks>Every setting counts for the output unless its declaration says otherwise, so that one cannot be forgotten.</remarks>
internal class Setting<T>(string name, params string[] aliases) : Option<T>(name, aliases), ISetting
{
    private readonly IReadOnlyList<string> _among = [];

    /// <inheritdoc/>
    public string Key => Name.TrimStart('-');

    /// <inheritdoc/>
    public Effect Effect { get; init; } = Effect.Output;

    /// <summary>What the fingerprint holds of a value; the value itself when left out.</summary>
    public Func<T?, string?>? Recorded { get; init; }

    /// <summary>Values that leave the output as it was before there was the setting: fingerprints of that time stay valid.</summary>
    public Func<T?, bool>? Unrecorded { get; init; }

    /// <summary>Which values name files, of a setting whose other values do not: their content counts, as with
    /// <see cref="Effect.Content"/>.</summary>
    public Func<T?, bool>? NamesContent { get; init; }

    /// <summary>The only values there are.</summary>
    public IReadOnlyList<string> Among
    {
        get => _among;
        init
        {
            _among = value;
            CompletionSources.Add([.. value]);
            Validators.Add(CheckAmong);
        }
    }

    /// <summary>A rule that values keep, and how it reads: <c>"at least 1"</c>.</summary>
    public (Func<T, bool> Holds, string Rule) Range
    {
        init => Validators.Add(result =>
        {
            // A value that cannot be read has its own error.
            if (result is { Implicit: false, Errors: var errors } && !errors.Any() && result.Tokens.Count > 0
                && result.GetValueOrDefault<T>() is { } given && !value.Holds(given))
                result.AddError($"{Name} is {result.Tokens[^1].Value}; it must be {value.Rule}.");
        });
    }

    /// <inheritdoc/>
    public void AddTo(Fingerprint fingerprint, ParseResult parse)
    {
        T? value = parse.GetValue(this);
        if (Effect == Effect.Content || (NamesContent?.Invoke(value) ?? false))
        {
            string[] paths = value switch { string one => [one], string[] several => several, _ => [] };
            foreach ((int i, string path) in paths.Index())
                fingerprint.WithContent(paths.Length == 1 ? Key : $"{Key} {i}", path);
        }
        else if (Effect == Effect.Output && !(Unrecorded?.Invoke(value) ?? false))
        {
            fingerprint.With(Key, Recorded is null ? Convert.ToString(value, CultureInfo.InvariantCulture) : Recorded(value));
        }
    }

    private void CheckAmong(OptionResult result)
    {
        foreach (Token token in result.Tokens)
        {
            if (!_among.Contains(token.Value, StringComparer.Ordinal))
                result.AddError(
                    $"{Name} {token.Value}: there is no such choice.{Suggestion.For(token.Value, _among)} It is one of: "
                    + $"{string.Join(", ", _among)}.");
        }
    }
}

/// <summary>Rules of values that many settings share.</summary>
internal static class Rule
{
    public static (Func<T, bool>, string) AtLeast<T>(T least)
        where T : INumber<T> => (value => value >= least, $"at least {least.ToString(null, CultureInfo.InvariantCulture)}");

    public static (Func<T, bool>, string) Above<T>(T limit)
        where T : INumber<T> => (value => value > limit, $"above {limit.ToString(null, CultureInfo.InvariantCulture)}");

    public static (Func<T, bool>, string) Share<T>()
        where T : INumber<T> => (value => value >= T.Zero && value <= T.One, "from 0 to 1");

    /// <summary>The same rule, for a setting that may be left out.</summary>
    public static (Func<T?, bool>, string) OrNone<T>((Func<T, bool> Holds, string Text) rule)
        where T : struct => (value => value is not { } given || rule.Holds(given), rule.Text);
}
