using System.Text.Json;
using System.Text.Json.Serialization;

namespace Tuna.Training;

/// <summary>A run's <c>metrics.jsonl</c>: a line per step and per evaluation, without times, so that equal runs write equal
/// bytes.</summary>
internal static class MetricsFile
{
    /// <summary>Its name in the run folder.</summary>
    public const string FileName = "metrics.jsonl";

    /// <summary>Reads a run's steps and evaluations.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="InvalidDataException">A line is damaged; the message names it. A torn last line, which a running or killed trainer
    /// may leave, is passed over.</exception>
    public static (IReadOnlyList<TrainingStep> Steps, IReadOnlyList<TrainingEvaluation> Evaluations) Read(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        var steps = new List<TrainingStep>();
        var evaluations = new List<TrainingEvaluation>();
        string? line;
        for (int number = 1; (line = reader.ReadLine()) is not null; number++)
        {
            try
            {
                // Only an evaluation's line has this key, and no value of a step's can hold it: quotes are escaped there.
                if (line.Contains("\"evaluation\":", StringComparison.Ordinal))
                    evaluations.Add(JsonSerializer.Deserialize(line, MetricsJson.Default.TrainingEvaluation)!);
                else
                    steps.Add(JsonSerializer.Deserialize(line, MetricsJson.Default.TrainingStep)!);
            }
            catch (JsonException e)
            {
                if (reader.EndOfStream)
                    break;
                throw new InvalidDataException($"{path}, line {number}: not a line of metrics: {e.Message}", e);
            }
        }
        return (steps, evaluations);
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)] // a skipped step's loss is "NaN"
[JsonSerializable(typeof(TrainingStep))]
[JsonSerializable(typeof(TrainingEvaluation))]
internal sealed partial class MetricsJson : JsonSerializerContext;
