using System.Text.Json;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Llama.Tests.Golden;

/// <summary>One golden training run, for any engine.</summary>
internal sealed class GoldenRun
{
    private readonly JsonElement _file;

    public GoldenRun(string model, string convention)
    {
        _file = GoldenData.Json("train_step", model + ".json");
        Golden = _file.GetProperty("conventions").GetProperty(convention);
        Groups = [.. _file.GetProperty("batch").EnumerateArray().Select(Group)];
        MarginReduction reduction = convention switch
        {
            "paper" => MarginReduction.Paper,
            "released" => MarginReduction.Released,
            _ => throw new NotSupportedException($"Unknown convention '{convention}'."),
        };
        Loss = new MarginRankingLoss(_file.GetProperty("margin").GetDouble(), _file.GetProperty("lambda").GetDouble(), reduction);
    }

    public JsonElement Golden { get; }

    public TokenGroup[] Groups { get; }

    public IRankingLoss Loss { get; }

    public AdamWStep Step(long step)
    {
        JsonElement adamw = _file.GetProperty("adamw");
        return new AdamWStep(step, adamw.GetProperty("lr").GetDouble(), 1, new AdamWSettings
        {
            Beta1 = adamw.GetProperty("betas")[0].GetDouble(),
            Beta2 = adamw.GetProperty("betas")[1].GetDouble(),
            Epsilon = adamw.GetProperty("eps").GetDouble(),
            WeightDecay = adamw.GetProperty("weight_decay").GetDouble(),
        });
    }

    /// <summary>Forward and backward; the candidates' scores, means over tokens, group after group.</summary>
    public double Pass(ITrainableScorer policy, out double[] scores)
    {
        using IForwardPass pass = policy.Forward(Groups);
        double[] gradient = Batches.Gradient(Loss, Groups, pass.Values, out double loss);
        var list = new List<double>();
        int r = 0;
        foreach (TokenGroup group in Groups)
        {
            for (int k = 0; k < group.Responses.Count; k++, r++)
            {
                if (k < group.CandidateCount)
                    list.Add(pass.Values[r] / group.Responses[k].Length);
            }
        }

        scores = [.. list];
        pass.Backward(gradient);
        return loss;
    }

    private static TokenGroup Group(JsonElement json, int index)
    {
        ReadOnlyMemory<int>[] responses = [.. json.GetProperty("responses").EnumerateArray().Select(Ints)];
        double[] scores = [.. Enumerable.Range(0, responses.Length).Select(k => (double)-k)];
        return new TokenGroup($"golden {index}", Ints(json.GetProperty("prompt")), responses, scores, Ints(json.GetProperty("reference")));
    }

    private static ReadOnlyMemory<int> Ints(JsonElement array) => array.EnumerateArray().Select(e => e.GetInt32()).ToArray();
}
