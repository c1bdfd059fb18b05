using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Tuna.Cli.Telemetry;

/// <summary>Sends what is traced and counted under <see cref="TunaTelemetry.Name"/>, until it is disposed.</summary>
/// <remarks>OpenTelemetry's environment variables (headers, resource attributes, time-outs, addresses of a signal's own) hold as
/// everywhere; OTLP goes over HTTP unless they say otherwise. A collector that cannot be reached costs a warning at the end, never the
/// work.</remarks>
internal sealed class OtlpExport : IDisposable
{
    private const int LastWaitMilliseconds = 5000;

    private static readonly ActivitySource Source = new(TunaTelemetry.Name);

    private readonly TracerProvider? _traces;
    private readonly MeterProvider? _metrics;
    private readonly Activity? _span;
    private readonly Action<string> _warn;

    private OtlpExport(string? address, string command, Action<string> warn)
    {
        _warn = warn;
        Uri? given = address is null ? null : new Uri(address.TrimEnd('/') + "/");
        if (IsSent("TRACES", given))
            _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(Resource()).AddSource(TunaTelemetry.Name)
                .AddOtlpExporter(options => Configure(options, given, "v1/traces")).Build();
        if (IsSent("METRICS", given))
            _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(Resource()).AddMeter(TunaTelemetry.Name)
                .AddOtlpExporter(options => Configure(options, given, "v1/metrics")).Build();
        _span = Source.StartActivity("tuna " + command); // its arguments may hold what nobody else should read
    }

    public static OtlpExport Start(string? address, string command, Action<string> warn) => new(address, command, warn);

    public void Dispose()
    {
        _span?.Dispose();
        bool sent = (_traces?.ForceFlush(LastWaitMilliseconds) ?? true) & (_metrics?.ForceFlush(LastWaitMilliseconds) ?? true);
        if (!sent)
            _warn("Traces and metrics could not all be sent: the collector does not answer, or refuses them. The work itself is not "
                + "touched by it.");
        _traces?.Dispose();
        _metrics?.Dispose();
    }

    // The environment comes last, so that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES outweigh ours.
    private static ResourceBuilder Resource() => ResourceBuilder.CreateEmpty().AddTelemetrySdk()
        .AddService("tuna", serviceVersion: typeof(OtlpExport).Assembly.GetName().Version?.ToString(), autoGenerateServiceInstanceId: false)
        .AddEnvironmentVariableDetector();

    private static bool IsSent(string signal, Uri? given) =>
        !string.Equals(TelemetryOptions.Variable($"OTEL_{signal}_EXPORTER"), "none", StringComparison.OrdinalIgnoreCase)
        && (given is not null || TelemetryOptions.Variable("OTEL_EXPORTER_OTLP_ENDPOINT") is not null
            || TelemetryOptions.Variable($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") is not null);

    private static void Configure(OtlpExporterOptions options, Uri? given, string path)
    {
        string signal = path == "v1/traces" ? "TRACES" : "METRICS";
        if (given is not null)
        {
            options.Protocol = OtlpExportProtocol.HttpProtobuf;
            options.Endpoint = new Uri(given, path);
        }
        else if (TelemetryOptions.Variable("OTEL_EXPORTER_OTLP_PROTOCOL") is null
            && TelemetryOptions.Variable($"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") is null)
        {
            options.Protocol = OtlpExportProtocol.HttpProtobuf; // as the specification recommends
        }

        // A signal's own variables outweigh the common ones; its address is taken as it is, without a path of ours.
        if (given is null && TelemetryOptions.Variable($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") is { } own)
            options.Endpoint = new Uri(own);
        if (TelemetryOptions.Variable($"OTEL_EXPORTER_OTLP_{signal}_HEADERS") is { } headers)
            options.Headers = headers;
    }
}
