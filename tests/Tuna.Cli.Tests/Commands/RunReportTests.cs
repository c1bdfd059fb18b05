using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

/// <summary>A training run on one page.</summary>
public class RunReportTests
{
    [Fact]
    public async Task Report_TrainedModel_ShowsCurvesAnswersWinRateSettingsAndVersions()
    {
        using Workspace work = await new Workspace().WithRanked(12).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, "train", "--model", "model", "--data", "ranked.jsonl", "--out", "tuned", "--batch",
            "2", "--epochs", "3", "--lr", "0.01", "--held-out", "0.3", "--eval-every", "2", "--save", "best", "--samples", "2")).Expect(0);
        await File.WriteAllTextAsync(work["vicuna.json"], """
            {"benchmark": "vicuna", "model": "tuned", "metrics": {"adjusted_win_rate": 0.615, "wins": 4}, "details": {}, "issues": []}
            """);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "report", "--training", "tuned", "--result", "vicuna.json", "--out",
            "report.html")).Expect(0);

        string html = work.Text("report.html");
        foreach (string shown in (string[])["Loss", "held-out rows", "Pairs in the ranker&#39;s order", "Negative log-likelihood",
            "Norm of the gradient", "Learning rate",
            "Answers before and after", "Say the number", "vicuna: adjusted win rate", "61.5 %", "<h3>Settings that",
            "<dt>objective</dt><dd>tuna</dd>", "<h3>Versions</h3>", "the saved weights are the best ones"])
            Assert.Contains(shown, html.Replace("ranker's", "ranker&#39;s", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.Equal(2, work.Rows("tuned/samples.jsonl").Length);
        Assert.All(work.Rows("tuned/samples.jsonl"), s => Assert.NotEqual(s["before"]!.ToString(), s["after"]!.ToString()));
        Assert.Contains("vicuna: adjusted win rate", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Report_RunWithoutMeasurementsOrAnswers_SaysHowToHaveThem()
    {
        using Workspace work = await new Workspace().WithInstructions(4).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, "sft", "--model", "model", "--data", "data.jsonl", "--out", "alpaca", "--batch", "2",
            "--epochs", "1")).Expect(0);

        TunaRun run = (await TunaProcess.RunAsync(work.Root, "report", "--training", "alpaca")).Expect(0);

        Assert.Contains("--eval-every N", run.Output, StringComparison.Ordinal);
        Assert.Contains("--samples N", run.Output, StringComparison.Ordinal);
        Assert.False(File.Exists(work["alpaca/samples.jsonl"]));
    }
}
