using System.Text.Json;
using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;

namespace Tuna.Cli.Tests.Commands;

/// <summary>Training on scores as rewards.</summary>
public class RewardObjectiveTests
{
    private static readonly string[] Train =
        ["train", "--model", "model", "--data", "ranked.jsonl", "--batch", "2", "--epochs", "2", "--lr", "0.003", "--threads", "1",
        "--json", "-q", "--reference", "none"];

    [Theory]
    [InlineData("rloo")]
    [InlineData("rloo --beta 0")]
    [InlineData("gspo --clip-low 0.2 --clip-high 0.2")]
    [InlineData("gspo-unscaled --clip-low 0.2 --clip-high 0.2 --beta 0.1")]
    public async Task Train_OnRewards_MakesTheBetterOnesLikelier(string objective)
    {
        using Workspace work = await new Workspace().WithRanked(8).WithModelAsync();

        JsonElement result = (await TunaProcess.RunAsync(work.Root, [.. Train, "--out", "tuned", "--objective", .. objective.Split(' ')]))
            .Expect(0).Json;

        Assert.True(result.GetProperty("after").GetProperty("pairs_in_order").GetDouble()
            > result.GetProperty("before").GetProperty("pairs_in_order").GetDouble());
    }

    [Fact]
    public async Task Train_GspoInSeveralSteps_RatioLeavesOne()
    {
        using Workspace work = await new Workspace().WithRanked(8).WithModelAsync();

        (await TunaProcess.RunAsync(work.Root,
            [.. Train, "--out", "tuned", "--objective", "gspo", "--clip-low", "0.5", "--clip-high", "0.5"])).Expect(0);

        // Advantages sum to zero, so the loss is zero while the model is the one that the ratios start from, and below it from then on.
        double[] losses = [.. work.Rows("tuned/training.jsonl").Select(step => step["loss"]!.GetValue<double>())];
        Assert.Equal(8, losses.Length);
        Assert.Equal(0, losses[0], 1e-5);
        Assert.All(losses[5..], loss => Assert.True(loss < -1e-3, $"{loss}"));
    }

    [Fact]
    public async Task Train_GspoOnTheRowsOwnLogProbs_StartsFromThose_AndNamesWhatHasNone()
    {
        using Workspace work = await new Workspace().WithRanked(6).WithModelAsync();
        JsonNode[] rows = work.Rows("ranked.jsonl");
        // With length exponent 0, Eq. 3 is the log-probability itself.
        (await TunaProcess.RunAsync(work.Root, "rank", "--data", "ranked.jsonl", "--judge", "policy:model", "--beta", "0", "--out",
            "scored.jsonl", "-q")).Expect(0);
        foreach ((JsonNode row, JsonNode scored) in rows.Zip(work.Rows("scored.jsonl")))
        {
            row["logprob"] = scored["score"]!.DeepClone();
            row["tokens"] = new JsonArray([.. row["output"]!.AsArray().Select(o => (JsonNode)(o!.GetValue<string>().Length + 1))]);
        }

        File.WriteAllLines(work["ranked.jsonl"], rows.Select(r => r.ToJsonString()));
        string[] line = [.. Train, "--objective", "gspo", "--clip-low", "0.2", "--clip-high", "0.2"];

        double start = First(await TunaProcess.RunAsync(work.Root, [.. line, "--out", "a"]), work, "a");
        double drawn = First(await TunaProcess.RunAsync(work.Root, [.. line, "--out", "b", "--old-policy", "rows"]), work, "b");

        Assert.Equal(0, start, 1e-5);
        Assert.Equal(0, drawn, 1e-4); // the model that drew them and the one that is trained are the same

        foreach (JsonNode row in rows)
            row["logprob"] = new JsonArray([.. row["logprob"]!.AsArray().Select((p, k) => (JsonNode)(p!.GetValue<double>() - (10 * k)))]);
        File.WriteAllLines(work["ranked.jsonl"], rows.Select(r => r.ToJsonString()));
        double moved = First(await TunaProcess.RunAsync(work.Root, [.. line, "--out", "d", "--old-policy", "rows"]), work, "d");
        Assert.True(Math.Abs(moved) > 0.01, $"{moved}");

        foreach (JsonNode row in rows)
            row["logprob"] = new JsonArray([.. row["logprob"]!.AsArray().Select(_ => (JsonNode?)null)]);
        File.WriteAllLines(work["ranked.jsonl"], rows.Select(r => r.ToJsonString()));
        TunaRun without = (await TunaProcess.RunAsync(work.Root, [.. line, "--out", "c", "--old-policy", "rows"])).Expect(1);
        Assert.Contains("no log-probability of the policy that drew it", without.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("start")]
    [InlineData("rows")]
    public async Task Train_GspoWatchedOnHeldOutRows_TheyStartFromTheOldPolicyToo(string oldPolicy)
    {
        using Workspace work = await new Workspace().WithRanked(12).WithModelAsync();
        JsonNode[] rows = work.Rows("ranked.jsonl");
        foreach (JsonNode row in rows)
            row["tokens"] = new JsonArray([.. row["output"]!.AsArray().Select(o => (JsonNode)(o!.GetValue<string>().Length + 1))]);
        File.WriteAllLines(work["ranked.jsonl"], rows.Select(r => r.ToJsonString()));

        (await TunaProcess.RunAsync(work.Root, [.. Train, "--out", "tuned", "--objective", "gspo=1,mle-best=0.1", "--clip-low", "0.2",
            "--clip-high", "0.2", "--held-out", "0.4", "--eval-every", "1", "--old-policy", oldPolicy])).Expect(0);

        Assert.Contains(work.Rows("tuned/training.jsonl"), line => line["evaluation"]?["loss"] is not null);
    }

    private static double First(TunaRun run, Workspace work, string model)
    {
        run.Expect(0);
        return work.Rows($"{model}/training.jsonl")[0]["loss"]!.GetValue<double>();
    }
}
