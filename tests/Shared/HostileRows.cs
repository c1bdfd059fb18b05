using Tuna.Data;

namespace Tuna.Testing;

/// <summary>Ranked rows with extra fields whose names every form keeps for itself, and values that some form would take for its
/// own.</summary>
internal static class HostileRows
{
    private static readonly string[] Names =
    [
        "score", "model", "logprob", "tokens", "reference", "input", "output", "instruction", "prompt", "chosen", "rejected",
            "score_chosen", "score_rejected", "chosen_score", "messages", "conversations", "history",
        "system", "question", "query", "context", "response", "responses", "scores", "completions", "models", "answers", "order", "orig",
            "text", "length", "instruct", "generation", "rank", "output_1", "output_2",
        "generator_1", "generator_2", "preference", "label", "instances", "aspects", "candidate_notes", "prompt_messages", "prompt_id",
            "Score", "_extra_score", "_extra__extra_id", "_extra_", "", "\u00e9", "a\"b\\c\n", "😀",
    ];

    private static readonly string[] Values =
    [
        "0.9", "null", "true", "\"text\"", "\"\"", "[]", "{}", "[1,2]", "[null,null]", "[\"a\",\"b\"]", "[[1],[2]]",
            """[{"role":"user","content":"u"},{"role":"assistant","content":"v"}]""", """[{"input":"","output":"o"}]""",
        "\"\\ud800\"", """{"\udc00":"\ud83d"}""", """{"a":1,"a":2}""", "[{\"annotations\":5,\"overall_score\":\"high\"},null]",
            """{"h":[1,null]}""", "1e300", "12345678901234567890.0",
        new string('[', 50) + new string(']', 50),
    ];

    /// <summary>A row of two candidates, the better first, with everything known of each and a dozen fields in everyone's way.</summary>
    public static RankedExample Of(int seed)
    {
        var random = new Random(seed);
        string[] names = [.. Names.OrderBy(_ => random.Next()).Take(14)];
        return new()
        {
            Id = "r" + seed,
            Instruction = "ask",
            Outputs = ["good", "bad"],
            Scores = [2.5, -1],
            Reference = "gold",
            Models = ["m", null],
            LogProbs = [-1.5, null],
            TokenCounts = [3, null],
            Extra = [.. names.Select(n => new ExtraField(n, Values[random.Next(Values.Length)]))],
        };
    }

    /// <summary>A dozen fields with hostile values whose names no form takes for a prompt or a response.</summary>
    public static ExtraField[] Strangers(int seed)
    {
        var random = new Random(seed);
        string[] names = ["score", "model", "logprob", "tokens", "reference", "order", "rank", "preference", "generator_1", "scores",
            "models", "Score", "", "\u00e9", "a\"b\\c\n", "😀", "prompt_id", "aspects", "candidate_notes"];
        return [.. names.OrderBy(_ => random.Next()).Take(12)
            .Select(n => new ExtraField(n, n == "aspects" ? """{"h":[1,null]}""" : Values[random.Next(Values.Length)]))];
    }

    /// <summary>Which of some fields a row lacks, as text; nothing where all are there.</summary>
    public static string Missing(IReadOnlyList<ExtraField> fields, RankedExample row)
    {
        string all = string.Concat(row.Extra.Select(f => f.Name + ":" + f.Json.Replace(" ", "", StringComparison.Ordinal) + "\n"));
        return string.Join("; ", fields.Where(f =>
            !all.Contains(f.Json.Replace(" ", "", StringComparison.Ordinal), StringComparison.Ordinal)
            || !all.Contains(f.Name, StringComparison.Ordinal)).Select(f => $"{f.Name}:{f.Json}"));
    }

    /// <summary>Which extra fields one row has and the other has not, as text; nothing where they are equal.</summary>
    public static string Difference(RankedExample before, RankedExample after)
    {
        IEnumerable<string> Text(RankedExample row) =>
            row.Extra.Where(f => f.Name is not ("aspects" or "candidate_notes")).Select(f => f.Name + ":" + f.Json.Replace(" ", ""));
        string[] lost = [.. Text(before).Except(Text(after))], added = [.. Text(after).Except(Text(before))];
        return string.Join("; ", lost.Select(l => "lost " + l).Concat(added.Select(a => "added " + a)));
    }
}
