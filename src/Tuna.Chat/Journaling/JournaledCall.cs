using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tuna.Chat.Journaling;

/// <summary>One line of a call journal: a call that was paid for, and the raw reply to it.</summary>
/// <remarks>The reply is kept as it came, so that a better reader can read it again for free.</remarks>
public sealed record JournaledCall
{
    /// <summary>SHA-256 of what was asked, in hexadecimal: the service, every message, the model, the temperature, seed and top-p, and what
    /// <see cref="CallOptions"/> tell. Not of the limit of the reply's length.</summary>
    public required string Key { get; init; }

    /// <summary>The row it was asked for.</summary>
    public string? Row { get; init; }

    /// <summary>The prompt's version.</summary>
    public string? PromptVersion { get; init; }

    /// <summary>The order in which candidates were shown; null for the row's own.</summary>
    public IReadOnlyList<int>? Order { get; init; }

    /// <summary>The service that was asked, without user names, keys or a query; empty when its client does not tell, null in journals of
    /// earlier versions.</summary>
    public string? Endpoint { get; init; }

    /// <summary>The model that was asked for.</summary>
    public string? Model { get; init; }

    /// <summary>The model that answered, as the service names it.</summary>
    public string? ReplyModel { get; init; }

    /// <summary>The temperature.</summary>
    public float? Temperature { get; init; }

    /// <summary>The limit of the reply's length, in tokens.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>The raw reply; for an answer that was not understood, the service's whole answer.</summary>
    public required string Reply { get; init; }

    /// <summary>Why it ended: stop, length, content_filter, or the service's own word; for an answer that was not understood, the code of
    /// that error.</summary>
    public string? Finish { get; init; }

    /// <summary>Sum of the reply's token log-probabilities, nats, when the service gave them.</summary>
    public double? LogProb { get; init; }

    /// <summary>How many tokens <see cref="LogProb"/> is the sum of.</summary>
    public int? TokenCount { get; init; }

    /// <summary>Prompt tokens billed.</summary>
    public long InputTokens { get; init; }

    /// <summary>Completion tokens billed.</summary>
    public long OutputTokens { get; init; }

    /// <summary>True when the service did not report its usage and the tokens are an estimate; null otherwise.</summary>
    public bool? UsageEstimated { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(JournaledCall))]
internal sealed partial class JournalJson : JsonSerializerContext;

/// <summary>How journal lines are written: text as it is rather than as \u escapes, since they are files and no web pages.</summary>
internal static class JournalFormat
{
    public static JournalJson Json { get; } =
        new(new JsonSerializerOptions(JournalJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
