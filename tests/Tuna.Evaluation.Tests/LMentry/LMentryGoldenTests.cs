using System.IO.Compression;
using System.Text.Json;
using Tuna.Evaluation.LMentry;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.LMentry;

/// <summary>Agreement with the official scorers' verdicts, on LMentry's examples where they are at hand and on our own (the official code
/// judged these too).</summary>
public class LMentryGoldenTests
{
    [SkippableFact]
    public void Score_EveryOfficialRow_Agrees()
    {
        string path = GoldenData.FilePath("lmentry.jsonl.gz");
        Skip.IfNot(File.Exists(path),
            "lmentry.jsonl.gz holds LMentry's inputs and is not in the repository; set TUNA_GOLDEN to a folder that has it.");
        AssertAgrees(Rows(new GZipStream(File.OpenRead(path), CompressionMode.Decompress)));
    }

    [Fact]
    public void Score_OwnExamplesOfEveryTask_AgreesWithOfficialCode()
    {
        List<JsonElement> rows = [.. Rows(File.OpenRead(OwnData.FilePath("lmentry_own.jsonl")))];
        Assert.Equal(LMentryTasks.Core.Order(), rows.Select(row => row.GetProperty("task").GetString()!).Distinct().Order());
        AssertAgrees(rows);
    }

    private static void AssertAgrees(IEnumerable<JsonElement> golden)
    {
        var scorers = new Dictionary<(string, string), LMentryScorer>();
        var wrong = new List<string>();
        int rows = 0;
        foreach (JsonElement row in golden)
        {
            string task = row.GetProperty("task").GetString()!, id = row.GetProperty("id").GetString()!,
                prediction = row.GetProperty("prediction").GetString()!;
            if (!scorers.TryGetValue((task, id), out LMentryScorer? scorer))
            {
                var example = new LMentryExample(task, id, row.GetProperty("input").GetString()!, row.GetProperty("template").GetInt32(),
                    row.GetProperty("metadata"));
                scorers[(task, id)] = scorer = LMentryTasks.ScorerOf(example);
            }

            LMentryVerdict verdict = scorer.Score(prediction, row.GetProperty("truncate").GetBoolean());
            var expected = new LMentryVerdict(row.GetProperty("score").GetInt32() == 1, row.GetProperty("certainty").GetInt32() == 1);
            rows++;
            if (verdict != expected)
                wrong.Add(
                    $"{task} {id}: {JsonSerializer.Serialize(prediction)}: expected {expected}, got {verdict}; "
                    + $"{row.GetProperty("metadata")}");
        }

        Assert.NotEqual(0, rows);
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {rows} verdicts differ:\n{string.Join('\n', wrong.Take(20))}");
    }

    private static IEnumerable<JsonElement> Rows(Stream stream)
    {
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            yield return document.RootElement.Clone();
        }
    }
}
