using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

public class DataTests
{
    [Fact]
    public async Task Convert_RankedToPairsAndBack_KeepsThePreference()
    {
        using Workspace work = new Workspace().WithRanked(2);
        (await TunaProcess.RunAsync(work.Root, "convert", "--data", "ranked.jsonl", "--to", "trl", "--pairs", "best-worst", "--out",
            "pairs.jsonl")).Expect(0);
        JsonElement back = (await TunaProcess.RunAsync(work.Root, "convert", "--data", "pairs.jsonl", "--out", "back.jsonl", "--json"))
            .Expect(0).Json;

        Assert.Equal("trl", back.GetProperty("from").GetString());
        JsonNode row = work.Rows("back.jsonl")[0];
        Assert.Equal(["0!", "What?"], row["output"]!.AsArray().Select(o => o!.GetValue<string>()));
        Assert.True(row["score"]![0]!.GetValue<double>() > row["score"]![1]!.GetValue<double>());
    }

    /// <summary>A name that cannot be written was found out when the work was done, or paid for.</summary>
    [Theory]
    [InlineData("convert --data ranked.jsonl --out folder", "folder is a folder")]
    [InlineData("rank --data ranked.jsonl --judge probabilistic --out folder", "folder is a folder")]
    [InlineData("generate --model model --data data.jsonl --out folder", "folder is a folder")]
    [InlineData("evaluate nll --model model --data data.jsonl --out folder", "folder is a folder")]
    [InlineData("sft --model model --data data.jsonl --out ranked.jsonl", "ranked.jsonl is a file")]
    public async Task Stage_OutputThatCannotBeWritten_IsRefusedBeforeAnythingIsMade(string line, string said)
    {
        using Workspace work = await new Workspace().WithRanked(2).WithInstructions(2).WithModelAsync();
        Directory.CreateDirectory(work["folder"]);
        string[] before = Directory.GetFileSystemEntries(work.Root, "*", SearchOption.AllDirectories);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, line.Split(' '))).Expect(1);

        Assert.Contains(said, run.Error, StringComparison.Ordinal);
        Assert.Equal(before.Order(), Directory.GetFileSystemEntries(work.Root, "*", SearchOption.AllDirectories).Order());
    }

    [Fact]
    public async Task Convert_AnnotationsOfTwoModels_BecomeRowsOfTwo_AndPairsAgain()
    {
        using var work = new Workspace();
        foreach ((string model, double preference) in new[] { ("a", 1.25), ("b", 2.0) })
            await File.WriteAllTextAsync(work[$"{model}.json"],
                $$"""[{"instruction":"i","output_1":"base","generator_1":"base","output_2":"by {{model}}","generator_2":"{{model}}","""
                    + $$""" "preference":{{preference.ToString(System.Globalization.CultureInfo.InvariantCulture)}}}]""");

        (await TunaProcess.RunAsync(work.Root, "convert", "--data", "a.json", "b.json", "--merge", "--out", "ranked.jsonl")).Expect(0);
        (await TunaProcess.RunAsync(work.Root, "convert", "--data", "ranked.jsonl", "--to", "alpacaeval", "--out", "pairs.jsonl"))
            .Expect(0);
        (await TunaProcess.RunAsync(work.Root, "convert", "--data", "ranked.jsonl", "--merge", "--out", "x.jsonl")).Expect(2);

        JsonNode row = Assert.Single(work.Rows("ranked.jsonl"));
        Assert.Equal("""{"id":0,"instruction":"i","output":["by a","by b"],"score":[0.25,1],"reference":"base","model":["a","b"]}""",
            row.ToJsonString());
        Assert.Equal(("by b", "by a", 1.0),
            ((string?)work.Rows("pairs.jsonl")[0]["output_1"], (string?)work.Rows("pairs.jsonl")[0]["output_2"],
            (double)work.Rows("pairs.jsonl")[0]["preference"]!));
    }

    /// <summary>Rows that give nothing used to be left out without a word, the whole file included.</summary>
    [Fact]
    public async Task Convert_RowsThatGiveNothing_AreCounted_AndNoneAtAllIsAnError()
    {
        using var work = new Workspace();
        await File.WriteAllTextAsync(work["tied.jsonl"], """{"id":"1","instruction":"i","output":["a","b"],"score":[1,1]}""" + "\n");
        await File.WriteAllTextAsync(work["some.jsonl"], """
            {"id":"1","instruction":"i","output":["a","b"],"score":[1,1]}
            {"id":"2","instruction":"j","output":["a","b"],"score":[2,1]}
            """ + "\n");

        TunaRun none = (await TunaProcess.RunAsync(work.Root, "convert", "--data", "tied.jsonl", "--to", "trl", "--out", "none.jsonl"))
            .Expect(1);
        TunaRun some = (await TunaProcess.RunAsync(work.Root, "convert", "--data", "some.jsonl", "--to", "trl", "--out", "pairs.jsonl"))
            .Expect(0);

        Assert.Contains("None of the 1 rows gives a row of the form trl", none.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(work["none.jsonl"]));
        Assert.Single(work.Rows("pairs.jsonl"));
        Assert.Contains("1 rows gave none", some.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("trl", "1 candidates without a score are in no pair")]
    [InlineData("alpaca", "1 rows have several candidates and no scores: the first is written", "3 other candidates are left out")]
    [InlineData("instructions", "2 other candidates are left out")]
    [InlineData("nectar")]
    public async Task Convert_ToAFormOfFewerResponses_SaysWhatIsLeftOut(string form, params string[] notes)
    {
        using var work = new Workspace();
        await File.WriteAllTextAsync(work["rows.jsonl"], """
            {"id":"1","instruction":"i","output":["a","b","c"],"score":[2,1,null]}
            {"id":"2","instruction":"k","output":["a","b"]}
            """ + "\n");

        TunaRun run = (await TunaApp.RunAsync("convert", "--data", work["rows.jsonl"], "--to", form, "--out", work["out.jsonl"])).Expect(0);

        foreach (string note in notes)
            Assert.Contains(note, run.Error, StringComparison.Ordinal);
        Assert.Equal(notes.Length > 0, run.Error.Contains("candidates", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Convert_EqualRatingsOfAPair_AreATieAndSaidSo()
    {
        using var work = new Workspace();
        await File.WriteAllTextAsync(work["rows.jsonl"],
            """{"prompt":"Name a bird.","chosen":"Owl.","rejected":"A brick.","score_chosen":8.0,"score_rejected":8.0}""" + "\n");

        TunaRun run = (await TunaApp.RunAsync("convert", "--data", work["rows.jsonl"], "--out", work["out.jsonl"])).Expect(0);

        Assert.Contains("1 rows: score_chosen and score_rejected are equal: a tie", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Convert_ToInstructionsOfAllCandidates_GivesARowEach()
    {
        using Workspace work = new Workspace().WithRanked(3);

        (await TunaProcess.RunAsync(work.Root, "convert", "--data", "ranked.jsonl", "--to", "instructions-all", "--out", "mul.jsonl", "-q"))
            .Expect(0);

        Assert.Equal(12, work.Lines("mul.jsonl").Length);
    }

    [Fact]
    public async Task Convert_BadRow_StopsWithItsLine_OrIsSkippedAndNamed()
    {
        using Workspace work = new Workspace().WithRanked(2);
        await File.AppendAllTextAsync(work["ranked.jsonl"], "{\"id\": \"torn\", \"instruc\n");
        string[] line = ["convert", "--data", "ranked.jsonl", "--from", "ranked", "--out", "x.jsonl"];

        TunaRun stopped = (await TunaProcess.RunAsync(work.Root, line)).Expect(1);
        Assert.Contains("ranked.jsonl, line 3", stopped.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(work["x.jsonl"]));

        (await TunaProcess.RunAsync(work.Root, [.. line, "--skip-bad-rows"])).Expect(3);
        Assert.Equal(2, work.Lines("x.jsonl").Length);
        Assert.Contains("line 3", work.Text("x.jsonl.failed.jsonl"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Stats_DescribesAsTextAsJsonAndAsAPicture()
    {
        using Workspace work = new Workspace().WithRanked(5);

        TunaRun text = (await TunaProcess.RunAsync(work.Root, "stats", "--data", "ranked.jsonl", "--out", "s.svg")).Expect(0);
        JsonElement json = (await TunaProcess.RunAsync(work.Root, "stats", "--data", "ranked.jsonl", "--json")).Expect(0).Json;

        Assert.Contains("candidates", text.Output, StringComparison.Ordinal);
        Assert.Equal((5, 20, 30),
            (json.GetProperty("rows").GetInt32(), json.GetProperty("candidates").GetInt32(), json.GetProperty("pairs").GetInt32()));
        Assert.Equal(("ranked.jsonl", 5),
            (json.GetProperty("data").GetString(), json.GetProperty("rows_by_candidates").GetProperty("4").GetInt32()));
        Assert.StartsWith("<svg", work.Text("s.svg"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_SeveralResults_SideBySideAsTextCsvAndHtml()
    {
        using Workspace work = await new Workspace().WithInstructions(3).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, "sft", "--model", "model", "--data", "data.jsonl", "--out", "alpaca", "--batch", "1", "--lr",
            "0.003", "-q")).Expect(0);
        foreach (string model in (string[])["model", "alpaca"])
            (await TunaProcess.RunAsync(work.Root, "evaluate", "nll", "--model", model, "--data", "data.jsonl", "--out", $"{model}.json",
                "-q")).Expect(0);

        string[] line = ["report", "--result", "model.json", "alpaca.json", "--training", "alpaca", "--best", "nll_per_token:min"];
        TunaRun text = (await TunaProcess.RunAsync(work.Root, [.. line, "--out", "r.html"])).Expect(0);
        (await TunaProcess.RunAsync(work.Root, [.. line, "--out", "r.csv"])).Expect(0);

        Assert.Contains("Best by nll_per_token:min: alpaca", text.Output, StringComparison.Ordinal); // trained on these very rows
        Assert.Contains("(-", text.Output, StringComparison.Ordinal);
        Assert.Contains("<svg", work.Text("r.html"), StringComparison.Ordinal);
        // needs nothing else
        Assert.DoesNotContain("http", work.Text("r.html").Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal),
            StringComparison.Ordinal);
        Assert.Equal(11, work.Lines("r.csv").Length); // a heading, five figures of two models
    }

    [Fact]
    public async Task Report_NotAResult_NamesTheFile()
    {
        using Workspace work = new Workspace().WithRanked(1);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "report", "--result", "ranked.jsonl")).Expect(1);

        Assert.Contains("ranked.jsonl", run.Error, StringComparison.Ordinal);
    }
}
