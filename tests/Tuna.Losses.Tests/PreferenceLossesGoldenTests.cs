using System.Text.Json;
using Tuna.Testing;

namespace Tuna.Losses.Tests;

public class PreferenceLossesGoldenTests
{
    private static readonly JsonElement Losses = GoldenData.Json("preference_losses.json").GetProperty("losses");

    private static readonly Dictionary<string, Func<JsonElement, IRankingLoss>> ByName = new()
    {
        ["dpo_sigmoid"] = c => new DpoLoss(Number(c, "beta")),
        ["ipo"] = c => new IpoLoss(Number(c, "tau")),
        ["slic_hf"] = c => new SlicHfLoss(Number(c, "delta"), Number(c, "lambda")),
        ["rso_hinge"] = c => new RsoHingeLoss(Number(c, "gamma")),
        ["rrhf"] = _ => new RrhfLoss(),
        ["simpo"] = c => new SimPoLoss(Number(c, "beta"), Number(c, "gamma")),
        ["orpo"] = c => new OrpoLoss(Number(c, "lambda")),
        ["pro"] = c => new ProLoss(Number(c, "beta")),
        ["pro_temperature"] = c => new ProLoss(Number(c, "beta"), useTemperatures: true),
        ["listmle_mean_logp"] = _ => ListMleLoss.OnMeanLogProbs(),
        ["listmle_log_ratio"] = c => ListMleLoss.OnLogRatios(Number(c, "beta")),
        ["lipo_lambda"] = c => new LipoLambdaLoss(Number(c, "beta")),
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
        IRankingLoss loss = ByName[name](test);
        double[] logProbs = Numbers(test, "policy_logps")!;
        bool hasReference = name == "slic_hf"; // its last response is the regularization target
        double[] scores = Numbers(test, "rewards") ?? Numbers(test, "labels")
            ?? TestGroup.Descending(logProbs.Length - (hasReference ? 1 : 0));
        int[] lengths = [.. test.GetProperty("lengths").EnumerateArray().Select(x => x.GetInt32())];
        var batch = new TestBatch(new TestGroup(logProbs, lengths, scores, Numbers(test, "ref_logps") ?? [], hasReference));

        (double value, double[] gradient) = batch.Evaluate(loss);

        string what = $"{name}, {test.GetProperty("name").GetString()}";
        Near.Equal(test.GetProperty("loss").GetDouble(), value, Near.Golden, what);
        Near.Equal(Numbers(test, "grad"), gradient, Near.Golden, what + ", gradient");
    }

    private static double Number(JsonElement test, string name) => test.GetProperty(name).GetDouble();

    private static double[]? Numbers(JsonElement test, string name) =>
        test.TryGetProperty(name, out JsonElement array) ? [.. array.EnumerateArray().Select(x => x.GetDouble())] : null;
}
