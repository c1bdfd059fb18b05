using System.Collections.Frozen;
using Tuna.Data;

namespace Tuna.Evaluation.Predictions;

/// <summary>The predictions of one model, by id. Immutable.</summary>
public sealed class PredictionSet
{
    private readonly FrozenDictionary<string, Prediction> _byId;

    /// <summary>Creates a set.</summary>
    /// <param name="predictions">The predictions; of those with one id the first counts.</param>
    /// <param name="source">Names where they come from in issues; null for the caller's memory.</param>
    /// <param name="issues">What was wrong with the source, row by row.</param>
    public PredictionSet(IEnumerable<Prediction> predictions, string? source = null, IReadOnlyList<string>? issues = null)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        Source = source ?? "predictions";
        var found = new List<string>(issues ?? []);
        var byId = new Dictionary<string, Prediction>(StringComparer.Ordinal);
        foreach (Prediction prediction in predictions)
        {
            if (!byId.TryAdd(prediction.Id, prediction))
                found.Add($"{Source}, id '{prediction.Id}': there is more than one prediction; the first is used.");
        }

        _byId = byId.ToFrozenDictionary(StringComparer.Ordinal);
        Issues = found;
    }

    /// <summary>Where the predictions come from.</summary>
    public string Source { get; }

    /// <summary>Rows that could not be used, and why: a malformed row or a repeated id. The other rows are not touched by them.</summary>
    public IReadOnlyList<string> Issues { get; }

    /// <summary>Number of predictions.</summary>
    public int Count => _byId.Count;

    /// <summary>The predictions, in no particular order.</summary>
    public IReadOnlyCollection<Prediction> All => _byId.Values;

    /// <summary>The prediction for an id, or null.</summary>
    public Prediction? Find(string id) => _byId.GetValueOrDefault(id);

    /// <summary>Reads a file of predictions (JSON Lines or one array; a row has <c>id</c> and <c>prediction</c>, and perhaps <c>tokens</c>,
    /// <c>stopped</c> and <c>prompt_hash</c>). What is wrong in a row becomes an issue, also that it does not agree with the checksum that
    /// <see cref="PredictionRunner"/> gave it.</summary>
    /// <exception cref="DataFormatException">The file's structure is damaged, so that no further row can be found.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PredictionSet Load(string path)
    {
        var issues = new List<string>();
        var options = new DataReadOptions { OnInvalidRow = e => issues.Add(e.Message) };
        List<Prediction> rows = [.. DataFile.Read(path, PredictionFormat.Instance, options)];
        return new PredictionSet(rows, path, issues);
    }

    /// <summary>Takes the predictions of known ids, in their order, and names what is missing or belongs to none of them.</summary>
    /// <param name="ids">The benchmark's ids.</param>
    /// <param name="issues">Receives this set's issues, the unknown ids and the number of missing ones.</param>
    internal string?[] TextsOf(IReadOnlyList<string> ids, List<string> issues)
    {
        issues.AddRange(Issues);
        var known = ids.ToHashSet(StringComparer.Ordinal);
        foreach (string id in _byId.Keys.Where(id => !known.Contains(id)).Order(StringComparer.Ordinal))
            issues.Add($"{Source}, id '{id}': the benchmark has no such instance; the prediction is not used.");
        string?[] texts = [.. ids.Select(id => Find(id)?.Text)];
        int missing = texts.Count(text => text is null);
        if (missing > 0)
            issues.Add(
                $"{Source}: {missing} of {ids.Count} instances have no prediction, the first being '{ids[Array.IndexOf(texts, null)]}'.");
        return texts;
    }
}
