using System.CommandLine;

namespace Tuna.Cli.Telemetry;

/// <summary>Whether a command's traces and metrics are sent, and where. Without the option or OpenTelemetry's own variables nothing is, and
/// nothing of it is loaded.</summary>
internal sealed class TelemetryOptions
{
    private static readonly string[] Addresses =
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"];

    private readonly Option<string?> _address = new("--otlp")
    {
        Recursive = true,
        HelpName = "URL",
        Description = "Sends traces and metrics to an OpenTelemetry collector there (OTLP over HTTP), such as http://localhost:4318. "
            + "OTEL_EXPORTER_OTLP_ENDPOINT does the same.",
    };
    private const string TextsName = "--otlp-texts";

    private readonly Option<bool> _texts = new(TextsName)
    {
        Recursive = true,
        Description = "Puts prompts and replies of calls to a service into the traces too.",
    };

    public TelemetryOptions()
    {
        _address.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !IsAddress(token.Value))
                result.AddError($"--otlp {token.Value} is no address; one looks like http://localhost:4318.");
        });
    }

    public void AddTo(RootCommand root)
    {
        root.Options.Add(_address);
        root.Options.Add(_texts);
    }

    /// <summary>Whether texts of calls are traced.</summary>
    public static bool Texts(ParseResult parse) => parse.GetValue<bool>(TextsName);

    /// <summary>What a stage of a recipe is told of it.</summary>
    public static IEnumerable<string> Arguments(ParseResult parse) => Texts(parse) ? [TextsName] : [];

    /// <summary>Begins to send; null when nobody asked for it.</summary>
    public IDisposable? Start(ParseResult parse, string command, Action<string> warn)
    {
        string? address = parse.GetValue(_address);
        bool wanted = address is not null || Addresses.Any(name => Variable(name) is not null);
        return wanted && !string.Equals(Variable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)
            ? OtlpExport.Start(address, command, warn) // the only way by which OpenTelemetry's assemblies are loaded
            : null;
    }

    internal static string? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { } value && !string.IsNullOrWhiteSpace(value) ? value : null;

    private static bool IsAddress(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out Uri? uri) && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps);
}
