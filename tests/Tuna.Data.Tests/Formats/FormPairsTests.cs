using Tuna.Data.Formats;
using Tuna.Testing;

namespace Tuna.Data.Tests.Formats;

/// <summary>What a stage writes the next one reads: every pair of forms, with extra fields whose names every form keeps for itself.</summary>
public sealed class FormPairsTests : IDisposable
{
    private static readonly string[] Names =
    [
        "score", "model", "logprob", "tokens", "reference", "input", "output", "instruction", "prompt", "chosen", "rejected", "score_chosen", "score_rejected", "chosen_score", "messages", "conversations", "history",
        "system", "question", "query", "context", "response", "responses", "scores", "completions", "models", "answers", "order", "orig", "text", "length", "instruct", "generation", "rank", "output_1", "output_2",
        "generator_1", "generator_2", "preference", "label", "instances", "aspects", "candidate_notes", "prompt_messages", "prompt_id", "Score", "_extra_score", "_extra__extra_id", "_extra_", "", "\u00e9", "a\"b\\c\n", "😀",
    ];

    private static readonly string[] Values =
    [
        "0.9", "null", "true", "\"text\"", "\"\"", "[]", "{}", "[1,2]", "[null,null]", "[\"a\",\"b\"]", "[[1],[2]]", """[{"role":"user","content":"u"},{"role":"assistant","content":"v"}]""", """[{"input":"","output":"o"}]""",
        "\"\\ud800\"", """{"\udc00":"\ud83d"}""", """{"a":1,"a":2}""", "[{\"annotations\":5,\"overall_score\":\"high\"},null]", """{"h":[1,null]}""", "1e300", "12345678901234567890.0",
        new string('[', 50) + new string(']', 50),
    ];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> Pairs()
    {
        var pairs = new TheoryData<string, string>();
        foreach (string from in RankedFormats.Writable)
        {
            foreach (string to in RankedFormats.Writable)
                pairs.Add(from, to);
        }

        return pairs;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Write_ThroughTwoForms_NothingIsLostOrTwice(string first, string second)
    {
        if (first == "alpaca" && second is ("trl" or "trl-chat" or "alpacaeval"))
            return; // a row of one response is no pair
        for (int seed = 0; seed < 4; seed++)
        {
            RankedExample row = Hostile(seed);
            RankedExample once = Through(row, first);
            RankedExample twice = Through(once, second);
            RankedExample back = Through(twice, "ranked");
            string what = $"{first} > {second}, seed {seed}";
            Assert.True(Extra(row, once) == "", $"{what}: {Extra(row, once)}");
            Assert.True(Extra(row, back) == "", $"{what}: {Extra(row, back)}");
            if (first == "alpaca" || second == "alpaca")
                continue; // one response of a row
            Assert.Equal(row.Outputs, back.Outputs);
            Assert.Equal(row.Scores, back.Scores);
            Assert.Equal(row.Reference, back.Reference);
            Assert.Equal(row.Models, back.Models);
            Assert.Equal(row.LogProbs, back.LogProbs);
            Assert.Equal(row.TokenCounts, back.TokenCounts);
            Assert.Equal(row.Instruction, back.Instruction);
        }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Write_ThroughTwoForms_InstructionsAndTheCursorReadIt(string first, string second)
    {
        if (first == "alpaca" && second is ("trl" or "trl-chat" or "alpacaeval"))
            return; // a row of one response is no pair
        RankedExample row = Hostile(3);
        string path = Write(Through(row, first), second);
        InstructionExample instruction = Assert.Single(InstructionData.Read(path, new() { RequireResponse = true }));
        Assert.Equal(("ask", "good"), (instruction.Instruction, instruction.Output));
        DataFile.Write(_folder.File("i.jsonl"), [instruction], InstructionFormat.Instance);
        Assert.Equal(instruction, Assert.Single(InstructionData.Read(_folder.File("i.jsonl"))));
        using var cursor = new RankedReader(path);
        Assert.True(cursor.Read());
        Assert.Equal(Assert.Single(RankedData.Read(path)), cursor.ToExample());
        Assert.False(cursor.Read());
    }

    // A row of two candidates, the better first, with everything known of each and a dozen fields in everyone's way.
    private static RankedExample Hostile(int seed)
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

    private static string Extra(RankedExample before, RankedExample after)
    {
        IEnumerable<string> Text(RankedExample row) => row.Extra.Where(f => f.Name is not ("aspects" or "candidate_notes")).Select(f => f.Name + ":" + f.Json.Replace(" ", ""));
        string[] lost = [.. Text(before).Except(Text(after))], added = [.. Text(after).Except(Text(before))];
        return string.Join("; ", lost.Select(l => "lost " + l).Concat(added.Select(a => "added " + a)));
    }

    private RankedExample Through(RankedExample row, string form) => Assert.Single(RankedData.Read(Write(row, form)));

    private string Write(RankedExample row, string form)
    {
        string path = _folder.File("x.jsonl");
        DataFile.Write(path, [row], RankedFormats.ByName[form]);
        return path;
    }
}
