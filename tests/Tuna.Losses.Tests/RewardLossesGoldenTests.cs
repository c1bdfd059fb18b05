using System.Text.Json;
using Tuna.Testing;

namespace Tuna.Losses.Tests;

/// <summary>The losses on rewards against PyTorch's autograd.</summary>
public class RewardLossesGoldenTests
{
    private const string File = "reward_losses.json";

    private static readonly JsonElement Losses = (System.IO.File.Exists(GoldenData.FilePath("rewards", File))
        ? GoldenData.Json("rewards", File)
        : JsonDocument.Parse(System.IO.File.ReadAllBytes(Path.Combine(GoldenData.TestsFolder(), "golden", "rewards", File))).RootElement)
        .GetProperty("losses");

    private static readonly Dictionary<string, Func<JsonElement, IRankingLoss>> ByName = new()
    {
        ["rloo"] = c => new RlooLoss(Number(c, "beta")),
        ["gspo"] = c => new GspoLoss(Number(c, "low"), Number(c, "high"), Number(c, "beta"), c.GetProperty("normalize").GetBoolean()),
    };

    public static TheoryData<string, int> Cases
    {
        get
        {
            var all = new TheoryData<string, int>();
            foreach (JsonProperty loss in Losses.EnumerateObject())
            {
                for (int i = 0; i < loss.Value.GetProperty("cases").GetArrayLength(); i++)
                    all.Add(loss.Name, i);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Evaluate_Case_MatchesLossAndGradient(string name, int number)
    {
        JsonElement test = Losses.GetProperty(name).GetProperty("cases")[number];
        JsonElement[] groups = [.. test.GetProperty("groups").EnumerateArray()];
        // A reference response in the row after the candidates must change nothing.
        var batch = new TestBatch([.. groups.Select(g => new TestGroup([.. Numbers(g, "policy"), -1],
            [.. g.GetProperty("lengths").EnumerateArray().Select(x => x.GetInt32()), 1], Numbers(g, "rewards"),
            [.. Numbers(g, "reference"), -2], HasReference: true) { OldPolicy = Numbers(g, "old") })]);

        (double value, double[] gradient) = batch.Evaluate(ByName[name](test));

        string what = $"{name}, {test.GetProperty("name").GetString()}";
        // Advantages of rewards near 1000 with differences of 0.01 carry the rounding of their inputs, in both.
        double tolerance = what.Contains("shifted", StringComparison.Ordinal) ? 1e-9 : Near.Golden;
        Near.Equal(test.GetProperty("loss").GetDouble(), value, tolerance, what);
        Near.Equal([.. groups.SelectMany(g => Numbers(g, "grad").Append(0))], gradient, tolerance, what + ", gradient");
    }

    private static double Number(JsonElement test, string name) => test.GetProperty(name).GetDouble();

    private static double[] Numbers(JsonElement test, string name) =>
        [.. test.GetProperty(name).EnumerateArray().Select(x => x.GetDouble())];
}
