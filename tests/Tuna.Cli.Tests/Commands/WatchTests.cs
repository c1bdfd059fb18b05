using System.Text.Json;
using Tuna.Cli.Tests.Support;
using Tuna.Training;

namespace Tuna.Cli.Tests.Commands;

/// <summary>Measuring on held-out rows during training, over the command line.</summary>
public class WatchTests
{
    private static readonly string[] Train =
        ["train", "--model", "model", "--data", "ranked.jsonl", "--out", "tuned", "--batch", "2", "--threads", "1",
        "--checkpoint-every", "1"];

    [Fact]
    public async Task Train_WatchedUntilItGetsWorse_StopsAndSavesTheBest()
    {
        // So high a rate drives the weights apart: the first measurements are the best.
        using Workspace work = await new Workspace().WithRanked(8).WithRanked(3, "other.jsonl").WithModelAsync();
        string[] line = [.. Train, "--epochs", "6", "--lr", "0.3", "--schedule", "constant", "--held-out", "other.jsonl", "--eval-every",
            "1", "--patience", "4", "--best-by", "nll", "--save", "best"];

        TunaRun run = (await TunaProcess.RunAsync(work.Root, line)).Expect(0);
        JsonElement facts = (await TunaProcess.RunAsync(work.Root, [.. line, "--json"])).Expect(0).Json;

        (IReadOnlyList<TrainingStep> steps, IReadOnlyList<TrainingEvaluation> evaluations) =
            TrainingResult.ReadMetrics(Path.Combine(work["tuned"], "training.jsonl"));
        TrainingEvaluation best = evaluations.MinBy(e => e.Evaluation[HeldOutRows.Nll])!;
        Assert.Equal(steps.Count, evaluations.Count);
        Assert.True(facts.GetProperty("stopped_early").GetBoolean());
        Assert.Equal(best.Step + 4, steps.Count);
        Assert.Equal(("nll", best.Step, "best"), (facts.GetProperty("best_by").GetString(), facts.GetProperty("best_step").GetInt64(),
            facts.GetProperty("saved").GetString()));
        Assert.Equal((8, 3), (facts.GetProperty("groups").GetInt32(), facts.GetProperty("held_out_rows").GetInt32()));
        // What is measured after training is the saved model.
        Assert.Equal(best.Evaluation[HeldOutRows.Nll], facts.GetProperty("after").GetProperty("nll_per_token").GetDouble(), 1e-9);
        Assert.Contains("ended early", run.Output, StringComparison.Ordinal);
        Assert.Contains("after step 2, held-out rows: loss", run.Error, StringComparison.Ordinal);

        // The rows to measure on are part of what the model was made with.
        await File.AppendAllTextAsync(work["other.jsonl"], work.Lines("ranked.jsonl")[7] + "\n");
        Assert.Contains("held-out was", (await TunaProcess.RunAsync(work.Root, line)).Expect(1).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_FrozenPolicy_IsMeasuredToo()
    {
        using Workspace work = await new Workspace().WithRanked(8).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, [.. Train, "--objective", "dpo", "--held-out", "0.3", "--eval-every", "2"])).Expect(0);

        TrainingEvaluation first = TrainingResult.ReadMetrics(Path.Combine(work["tuned"], "training.jsonl")).Evaluations[0];
        // Near its start the model is the frozen policy, and each of six pairs costs log 2.
        Assert.Equal(2, first.Step);
        Assert.Equal(Math.Log(2), first.Evaluation[HeldOutRows.Loss], 0.01);
    }

    [Fact]
    public async Task Train_TensorBoard_WritesEachStepIntoAFolderOfTheRun()
    {
        using Workspace work = await new Workspace().WithRanked(8).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, [.. Train, "--tensorboard", "logs", "--held-out", "0.3", "--eval-every", "1"])).Expect(0);

        string events = System.Text.Encoding.Latin1.GetString(
            await File.ReadAllBytesAsync(Assert.Single(Directory.GetFiles(Path.Combine(work["logs"], "tuned"), "events.out.tfevents.*"))));
        int steps = TrainingResult.ReadMetrics(Path.Combine(work["tuned"], "training.jsonl")).Steps.Count;
        Assert.True(steps > 1);
        Assert.Equal((steps, steps), (events.Split("train/loss").Length - 1, events.Split("held_out/nll").Length - 1));
    }

    [Fact]
    public async Task Prm_EvalEvery_MeasuresRewards()
    {
        using Workspace work = await new Workspace().WithRanked(8).WithModelAsync();
        (await TunaProcess.RunAsync(work.Root, "prm", "--model", "model", "--data", "ranked.jsonl", "--out", "prm", "--held-out", "0.3",
            "--batch", "2", "--eval-every", "1", "--save", "best")).Expect(0);

        TrainingEvaluation first = TrainingResult.ReadMetrics(Path.Combine(work["prm"], "training.jsonl")).Evaluations[0];
        Assert.Equal([HeldOutRows.Loss, HeldOutRows.Margin, HeldOutRows.PairAccuracy], first.Evaluation.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Train_EvalEveryWithoutHeldOutRows_SaysHowToHaveSome()
    {
        using Workspace work = await new Workspace().WithRanked(4).WithModelAsync();
        TunaRun run = (await TunaProcess.RunAsync(work.Root, [.. Train, "--eval-every", "1"])).Expect(2);
        Assert.Contains("--held-out 0.1", run.Error, StringComparison.Ordinal);
    }
}
