using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Tuna.Ranking;

namespace Tuna.Rankers.Judging;

/// <summary>The hardened question with a reply in JSON, whose schema the service enforces where it can.</summary>
/// <remarks>Not the paper's wording. A service without schemas refuses the call, and <see cref="ContextualRanker"/> then uses its fallback
/// prompt.</remarks>
public sealed class JsonPrompt : JudgePrompt
{
    private const string Schema = """
        {
          "type": "object",
          "additionalProperties": false,
          "required": ["kind", "reference", "responses", "rank"],
          "properties": {
            "kind": { "type": "string", "enum": ["open-ended", "close-ended"] },
            "reference": { "type": "string" },
            "responses": {
              "type": "array",
              "items": {
                "type": "object",
                "additionalProperties": false,
                "required": ["number", "scores", "duplicate_of"],
                "properties": {
                  "number": { "type": "integer" },
                  "scores": { "type": "array", "items": { "type": "number" } },
                  "duplicate_of": { "type": ["integer", "null"] }
                }
              }
            },
            "rank": { "type": "array", "items": { "type": "integer" } }
          }
        }
        """;

    private static readonly ChatResponseFormatJson Format = CreateFormat();

    // Two rankings in one object are none.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>The shared instance (it has no state).</summary>
    public static JsonPrompt Instance { get; } = new();

    /// <inheritdoc/>
    public override string Version => "tuna-json-1";

    /// <inheritdoc/>
    public override ChatResponseFormat? ResponseFormat => Format;

    /// <inheritdoc/>
    public override IReadOnlyList<ChatMessage> Ask(RankingRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        string tag = ReplyTag.Of(request);
        int n = request.Candidates.Count;
        var text = new StringBuilder(DelimitedMaterial.Format(request, tag));
        text.Append(CultureInfo.InvariantCulture,
            $"\nRate Response 0 to {n - 1} in reply to the instruction, and answer with one JSON object:\n");
        text.Append("kind: whether the instruction requires open-ended or close-ended responses;\n");
        text.Append(CultureInfo.InvariantCulture, $"reference: one high quality answer of your own, which counts as Response {n};\n");
        text.Append(CultureInfo.InvariantCulture,
            $"responses: for each of Response 0 to {n} its number, its three scores, 0 to 5 each ({DelimitedMaterial.Aspects}), and "
            + $"duplicate_of: the number of the response it duplicates, or null;\n");
        text.Append(CultureInfo.InvariantCulture,
            $"rank: the numbers 0 to {n}, without the duplicates, in decreasing order of the sum of their scores.\n");
        return [new ChatMessage(ChatRole.System, DelimitedMaterial.SystemMessage(tag)), new ChatMessage(ChatRole.User, text.ToString())];
    }

    /// <inheritdoc/>
    public override Judgment Read(string reply, RankingRequest request)
    {
        ArgumentNullException.ThrowIfNull(reply);
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            using JsonDocument document = JsonDocument.Parse(WithoutFence(ReplyText.WithoutThinking(reply, request)), Strict);
            return Read(document.RootElement, request);
        }
        catch (JsonException e)
        {
            throw new UnreadableReplyException($"it is not one JSON object ({e.Message}).");
        }
        catch (ArgumentException)
        {
            throw new UnreadableReplyException("it holds half a surrogate pair, which is no text.");
        }
        catch (Exception e) when (e is InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new UnreadableReplyException("a field of its JSON object is missing or of the wrong type.");
        }
    }

    /// <inheritdoc/>
    public override string Correct(UnreadableReplyException problem, RankingRequest request)
    {
        ArgumentNullException.ThrowIfNull(problem);
        ArgumentNullException.ThrowIfNull(request);
        return $"Your reply could not be used: {problem.Message} Please give the whole JSON object again and nothing else; rank holds "
            + $"each of 0 to {request.Candidates.Count} once, except duplicates.";
    }

    private static Judgment Read(JsonElement root, RankingRequest request)
    {
        int n = request.Candidates.Count;
        var scores = new double?[n];
        var aspects = new IReadOnlyList<double>?[n];
        var duplicates = new StringBuilder();
        foreach (JsonElement response in root.GetProperty("responses").EnumerateArray())
        {
            int k = response.GetProperty("number").GetInt32();
            if (response.TryGetProperty("duplicate_of", out JsonElement other) && other.ValueKind == JsonValueKind.Number
                && other.GetInt32() != k)
                duplicates.Append(CultureInfo.InvariantCulture, $"{k} is a duplicate\n");
            double[] values = [.. response.GetProperty("scores").EnumerateArray().Select(x => x.GetDouble())];
            if (k >= 0 && k < n && values.Length == ScoreText.Aspects
                && Array.TrueForAll(values, x => x is >= 0 and <= ScoreText.MaxAspect))
                (scores[k], aspects[k]) = (values.Sum(), values);
        }

        int[] rank = [.. root.GetProperty("rank").EnumerateArray().Select(x => x.GetInt32())];
        string? reference = root.TryGetProperty("reference", out JsonElement text) ? text.GetString() : null;
        return new Judgment(RankList.Validate(rank, request, duplicates.ToString()), scores, aspects, string.IsNullOrWhiteSpace(reference)
            ? null : reference);
    }

    // Models without schemas like to wrap JSON in a Markdown fence.
    private static string WithoutFence(string reply)
    {
        string text = reply.Trim();
        if (!text.StartsWith("```", StringComparison.Ordinal) || !text.EndsWith("```", StringComparison.Ordinal) || text.Length < 6)
            return text;
        int line = text.IndexOf('\n', StringComparison.Ordinal);
        return line < 0 ? text : text[line..^3];
    }

    private static ChatResponseFormatJson CreateFormat()
    {
        using JsonDocument schema = JsonDocument.Parse(Schema);
        return ChatResponseFormat.ForJsonSchema(schema.RootElement.Clone(), "judgment", "A judge's scores and ranking.");
    }
}
