using System.Text.Json.Nodes;
using Tuna.Cli.Tests.Support;
using Tuna.Numerics;

namespace Tuna.Cli.Tests.Rounds;

/// <summary>The RLHF baseline from end to end: a reward model learns a judge's rankings, and a policy learns its rewards.</summary>
public class RewardRoundsTests
{
    private const string Liked = "aaaabcdefghij klmnop", Disliked = "zyxwvutsrq.,!?0123456789";

    [Theory]
    [InlineData("rloo", "--train lr=0.01 batch=4")]
    [InlineData("gspo", "--train lr=0.01 batch=4 epochs=2 clip-low=0.2 clip-high=0.28")]
    public async Task Rounds_OnARewardModel_MeanRewardGoesUp(string objective, string settings)
    {
        using Workspace work = await new Workspace().WithInstructions(48).WithModelAsync();
        WriteRankings(work, 120);
        (await TunaProcess.RunAsync(work.Root, "prm", "--model", "model", "--data", "ranked.jsonl", "--out", "prm", "--epochs", "3",
            "--batch", "4", "--lr", "0.003", "--threads", "1", "-q")).Expect(0);

        (await TunaProcess.RunAsync(work.Root, ["rounds", "--model", "model", "--data", "data.jsonl", "--judge", "prm:prm", "--objective",
            objective, "--rounds", "3", "--held-out", "0.15", "--sample", "max-new-tokens=12", "count=8", "trials=1", "--threads", "1",
            "-q", "--out", "w", .. settings.Split(' ')])).Expect(0);

        JsonNode[] rounds = [.. JsonNode.Parse(work.Text("w/rounds.json"))!["rounds"]!.AsArray()!];
        double[] rewards = [.. rounds.Select(r => r["mean_score"]!.GetValue<double>())];
        Assert.True(rewards[0] < rewards[1] && rewards[1] < rewards[2], string.Join(" -> ", rewards));
        Assert.True(rewards[2] > rewards[0] + 0.2, string.Join(" -> ", rewards));
        JsonNode answers = rounds[2]["answers"]!; // greedy, to prompts that no round trained on
        Assert.True(answers["mean_score"]!.GetValue<double>() > answers["mean_score_of_round_0"]!.GetValue<double>());
    }

    // A judge that likes the letters of the first half of the alphabet.
    private static void WriteRankings(Workspace work, int count)
    {
        var rng = new Rng(7);
        File.WriteAllLines(work["ranked.jsonl"], Enumerable.Range(0, count).Select(i => new JsonObject
        {
            ["id"] = $"r{i}",
            ["instruction"] = $"Say the number {i}.",
            ["output"] = new JsonArray([.. new[] { 0.95, 0.65, 0.35, 0.05 }.Select(share => (JsonNode)Text(share))]),
            ["score"] = new JsonArray(4, 3, 2, 1),
        }.ToJsonString()));

        string Text(double share) => string.Concat(Enumerable.Range(0, 3 + rng.Next(12)).Select(_ =>
            rng.NextDouble() < share ? Liked[rng.Next(Liked.Length)] : Disliked[rng.Next(Disliked.Length)]));
    }
}
