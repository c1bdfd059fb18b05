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

    /// <summary>Which extra fields one row has and the other has not, as text; nothing where they are equal.</summary>
    public static string Difference(RankedExample before, RankedExample after)
    {
        IEnumerable<string> Text(RankedExample row) =>
            row.Extra.Where(f => f.Name is not ("aspects" or "candidate_notes")).Select(f => f.Name + ":" + f.Json.Replace(" ", ""));
        string[] lost = [.. Text(before).Except(Text(after))], added = [.. Text(after).Except(Text(before))];
        return string.Join("; ", lost.Select(l => "lost " + l).Concat(added.Select(a => "added " + a)));
    }
}
