using System.Diagnostics;

namespace Tuna;

/// <summary>The name under which all of Tuna traces and counts: listen to it, as <c>AddSource(TunaTelemetry.Name)</c> and
/// <c>AddMeter(TunaTelemetry.Name)</c> of OpenTelemetry do. Nothing is gathered where nobody listens.</summary>
/// <remarks>
/// Spans: <c>train</c> with <c>train step</c>, <c>evaluate</c> and <c>checkpoint</c> within; calls to chat services by the semantic
/// conventions of generative AI (<c>gen_ai.*</c>). Instruments: <c>tuna.training.*</c>, <c>tuna.evaluation.value</c>, <c>tuna.chat.*</c>,
/// <c>tuna.ranker.*</c>, <c>gen_ai.client.*</c>. No text of data or models is in any of them.
/// </remarks>
public static class TunaTelemetry
{
    /// <summary>Name of the activity source and of the meter.</summary>
    public const string Name = "Tuna";

    internal static ActivitySource Source { get; } = new(Name, typeof(TunaTelemetry).Assembly.GetName().Version?.ToString());
}
