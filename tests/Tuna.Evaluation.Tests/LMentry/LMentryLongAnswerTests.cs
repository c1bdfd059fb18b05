using System.Diagnostics;
using System.Text.Json;
using Tuna.Evaluation.LMentry;

namespace Tuna.Evaluation.Tests.LMentry;

/// <summary>An answer of a thousand dots once took four seconds, one of two thousand twelve.</summary>
public class LMentryLongAnswerTests
{
    private const int Length = 100_000;

    public static TheoryData<string> Pieces =>
        ["....", "\"", "a ", "cat ", "the words ", "9", "\u03A3'", ",'", "is ", "x", "the cat is the dog "];

    [Theory]
    [MemberData(nameof(Pieces))]
    public void Score_LongAnswers_TakeNoTimeWorthTheName(string piece)
    {
        string answer = string.Concat(Enumerable.Repeat(piece, Length / piece.Length));
        var slow = new List<string>();
        foreach (IGrouping<string, JsonElement> task in File.ReadLines(OwnData.FilePath("lmentry_own.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement).GroupBy(row => row.GetProperty("task").GetString()!))
        {
            JsonElement row = task.First();
            LMentryScorer scorer = LMentryTasks.ScorerOf(
                new LMentryExample(task.Key, row.GetProperty("id").GetString()!, row.GetProperty("input").GetString()!,
                row.GetProperty("template").GetInt32(), row.GetProperty("metadata")));
            long start = Stopwatch.GetTimestamp();
            scorer.Score(answer);
            double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (seconds > 8) // far below what backtracking takes, far above what a loaded machine does to less than one
                slow.Add($"{task.Key}: {seconds:0.0} s");
            else if (seconds > 0.5)
                Console.WriteLine($"{piece} {task.Key} {seconds:0.00}");
        }
        Assert.Empty(slow);
    }
}
