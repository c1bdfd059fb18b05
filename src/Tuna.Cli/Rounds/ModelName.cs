using System.Globalization;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Rounds;

/// <summary>A sampler or a judge by name: <c>KIND</c>, <c>KIND:WHAT</c>, or for a service <c>KIND:MODEL@ADDRESS</c>.</summary>
/// <param name="Kind">policy, openai, completions, prm, probabilistic.</param>
/// <param name="What">A model's name or folder; empty for none. Of a service, <c>{round}</c> stands for the round's number.</param>
/// <param name="Address">Where a service is; null where the environment says.</param>
internal sealed record ModelName(string Kind, string What, string? Address)
{
    private static readonly string[] s_services = ["openai", "completions"];

    /// <summary>Whether it is asked over the network, and so may cost money.</summary>
    public bool IsService => s_services.Contains(Kind);

    /// <summary>Whether it is a model in a folder.</summary>
    public bool IsLocal => !IsService && What.Length > 0;

    /// <summary>Reads a name.</summary>
    /// <param name="option">The option that has it, for errors.</param>
    /// <param name="text">What was given.</param>
    /// <param name="kinds">The kinds there are; those with a colon take something after it.</param>
    public static ModelName Parse(string option, string text, params string[] kinds)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        (string kind, string what) = colon < 0 ? (text, "") : (text[..colon], text[(colon + 1)..]);
        if (!kinds.Contains(what.Length > 0 ? kind + ":" : kind))
            throw new StageException(
                $"{option} {text} is not understood. It is one of: "
                + $"{string.Join(", ", kinds.Select(k => k.EndsWith(':') ? k + (s_services.Contains(k[..^1]) ? "MODEL" : "FOLDER") : k))}; "
                + $"a service's address may follow its model after an @.", ExitCodes.Usage);
        var name = new ModelName(kind, what, null);
        int at = what.LastIndexOf("@http", StringComparison.Ordinal);
        if (!name.IsService || at < 0)
            return name;
        return Uri.TryCreate(what[(at + 1)..], UriKind.Absolute, out Uri? address) && at > 0
            ? name with { What = what[..at], Address = address.OriginalString }
            : throw new StageException($"{option} {text}: after the @ comes an address such as http://localhost:8000/v1.", ExitCodes.Usage);
    }

    /// <summary>As a stage takes it.</summary>
    /// <param name="round">The round, 1-based.</param>
    public string In(int round) => What.Length == 0 ? Kind : $"{Kind}:{(IsService ? Filled(round) : What)}";

    private string Filled(int round) => What.Replace("{round}", round.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
