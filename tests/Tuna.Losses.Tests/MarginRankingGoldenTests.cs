using System.Text.Json;
using Tuna.Testing;

namespace Tuna.Losses.Tests;

public class MarginRankingGoldenTests
{
    private static readonly JsonElement Cases = GoldenData.Json("tuna_loss.json").GetProperty("cases");

    public static TheoryData<int> CaseNumbers => [.. Enumerable.Range(0, Cases.GetArrayLength())];

    [Theory]
    [MemberData(nameof(CaseNumbers))]
    public void EvaluateTerms_PaperCase_MatchesEveryField(int number)
    {
        JsonElement test = Cases[number];
        JsonElement expected = test.GetProperty("paper");
        TestGroup[] groups = Groups(test);
        double lambda = test.GetProperty("lambda").GetDouble();
        var loss = new MarginRankingLoss(test.GetProperty("margin").GetDouble(), lambda);
        var batch = new TestBatch(groups);
        double[] gradient = new double[batch.Rows];

        MarginRankingTerms terms = loss.EvaluateTerms(batch.View(), gradient);

        string name = test.GetProperty("name").GetString()!;
        Near.Equal(expected.GetProperty("loss").GetDouble(), terms.Loss, Near.Golden, name);
        CheckGradient(groups, gradient, expected.GetProperty("grad_scores"), [.. Doubles(expected.GetProperty("grad_reference_scores"))],
            name);
        for (int b = 0; b < groups.Length; b++)
        {
            var one = new TestBatch(groups[b]);
            MarginRankingTerms single = loss.EvaluateTerms(one.View(), new double[one.Rows]);
            Near.Equal(expected.GetProperty("per_instruction")[b].GetDouble(), single.Loss, Near.Golden, $"{name}, instruction {b}");
            Near.Equal(expected.GetProperty("per_instruction_rank")[b].GetDouble(), single.Rank, Near.Golden,
                $"{name}, instruction {b}, rank");
        }
    }

    [Theory]
    [MemberData(nameof(CaseNumbers))]
    public void EvaluateTerms_ReleasedCase_MatchesEveryField(int number)
    {
        JsonElement test = Cases[number];
        JsonElement expected = test.GetProperty("released");
        TestGroup[] groups = Groups(test);
        double lambda = test.GetProperty("lambda").GetDouble();
        var loss = new MarginRankingLoss(test.GetProperty("margin").GetDouble(), lambda, MarginReduction.Released);
        var batch = new TestBatch(groups);
        double[] gradient = new double[batch.Rows];

        MarginRankingTerms terms = loss.EvaluateTerms(batch.View(), gradient);

        string name = test.GetProperty("name").GetString()!;
        Near.Equal(expected.GetProperty("loss").GetDouble(), terms.Loss, Near.Golden, name);
        Near.Equal(expected.GetProperty("rank").GetDouble(), terms.Rank, Near.Golden, name + ", rank");
        Near.Equal(expected.GetProperty("mle").GetDouble(), terms.Likelihood, Near.Golden, name + ", mle");
        CheckGradient(groups, gradient, expected.GetProperty("grad_scores"), new double[groups.Length], name);
    }

    /// <summary>The file differentiates by means over the tokens, the loss by sums.</summary>
    private static void CheckGradient(TestGroup[] groups, double[] gradient, JsonElement candidates, double[] references, string name)
    {
        int row = 0;
        for (int b = 0; b < groups.Length; b++)
        {
            for (int k = 0; k < groups[b].Candidates; k++, row++)
            {
                double expected = candidates[b][k].GetDouble();
                Near.Equal(expected, gradient[row] * groups[b].Lengths[k], Near.Golden,
                    $"{name}, gradient of response {k} of instruction {b}");
                if (expected == 0)
                    Assert.Equal(0, gradient[row], 1e-17);
            }

            Near.Equal(references[b], gradient[row] * groups[b].Lengths[^1], Near.Golden,
                $"{name}, gradient of the reference of instruction {b}");
            row++;
        }
    }

    private static TestGroup[] Groups(JsonElement test)
    {
        double[][] references = [.. test.GetProperty("reference_token_logprobs").EnumerateArray().Select(Doubles)];
        return [.. test.GetProperty("candidate_token_logprobs").EnumerateArray().Select((candidates, b) =>
        {
            double[][] tokens = [.. candidates.EnumerateArray().Select(Doubles), references[b]];
            return new TestGroup(
                [.. tokens.Select(t => t.Sum())],
                [.. tokens.Select(t => t.Length)],
                TestGroup.Descending(tokens.Length - 1), // the ranks of the file are strict; its "ties" are of log-probabilities
                [],
                HasReference: true);
        })];
    }

    private static double[] Doubles(JsonElement array) => [.. array.EnumerateArray().Select(x => x.GetDouble())];
}
