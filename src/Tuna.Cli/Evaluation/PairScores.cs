using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Tuna.Evaluation.Similarity;
using Tuna.IO;

namespace Tuna.Cli.Evaluation;

/// <summary>Scores of pairs of texts in a file: an interrupted run goes on from there, and shares are put together from theirs.</summary>
internal static class PairScores
{
    /// <summary>Names a pair under settings.</summary>
    public static string Key(string settings, string candidate, string reference)
    {
        byte[] text = Encoding.UTF8.GetBytes($"{settings}\n{candidate.Length}\n{candidate}{reference}");
        return Convert.ToHexStringLower(SHA256.HashData(text))[..32];
    }

    /// <summary>The score of each pair, from the file where it has it, else computed and added to the file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="pairs">The pairs with their keys.</param>
    /// <param name="score">Computes one.</param>
    /// <param name="done">Is told after each pair.</param>
    /// <param name="cancellationToken">Stops between pairs; what was computed stays.</param>
    public static BertScoreResult[] Of(string path, IReadOnlyList<(string Key, string Candidate, string Reference)> pairs,
        Func<string, string, BertScoreResult> score, Action done, CancellationToken cancellationToken)
    {
        using var journal = KeyedJournal<ScoredPair>.Open(path, ScoredPairJson.Default.ScoredPair, pair => pair.Key);
        var scores = new BertScoreResult[pairs.Count];
        foreach ((int i, (string key, string candidate, string reference)) in pairs.Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (journal.Find(key) is not { } pair)
            {
                BertScoreResult made = score(candidate, reference);
                journal.Add(pair = new ScoredPair(key, made.Precision, made.Recall, made.F1));
            }

            scores[i] = new BertScoreResult(pair.Precision, pair.Recall, pair.F1);
            done();
        }

        return scores;
    }
}

/// <summary>A line of the file.</summary>
internal sealed record ScoredPair(string Key, double Precision, double Recall, double F1);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(ScoredPair))]
internal sealed partial class ScoredPairJson : JsonSerializerContext;
