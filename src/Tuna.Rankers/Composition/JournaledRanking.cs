using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tuna.Ranking;

namespace Tuna.Rankers.Composition;

/// <summary>One line of a ranking journal: a row's finished ranking.</summary>
internal sealed record JournaledRanking
{
    /// <summary>Hash of the row and of the ranker's version.</summary>
    public required string Key { get; init; }

    /// <summary>The row's id.</summary>
    public required string Row { get; init; }

    /// <summary>The ranker's version.</summary>
    public required string Version { get; init; }

    /// <summary>The ranking.</summary>
    public required RankingResult Ranking { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(JournaledRanking))]
internal sealed partial class RankingJson : JsonSerializerContext;

/// <summary>How journal lines are written: text as it is rather than as \u escapes, since they are files and no web pages.</summary>
internal static class RankingLines
{
    public static RankingJson Json { get; } =
        new(new JsonSerializerOptions(RankingJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
