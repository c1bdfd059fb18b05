using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Golden;

public class LogitsGoldenTests
{
    public static TheoryData<string, string> Batches => GoldenModels.LogitBatches();

    [Theory]
    [MemberData(nameof(Batches))]
    public void Logits_OfEveryPosition_MatchTransformers(string model, string batch)
    {
        using ManagedLlama policy = GoldenModels.Load(model);
        using SafetensorsFile file = GoldenModels.Open("logits", $"{model}.{batch}.safetensors");
        float[] expected = file.ReadSingles("logits");
        int v = policy.Info.VocabularySize;
        foreach ((int b, int width, int[] tokens, _) in Rows(file))
        {
            var actual = new float[tokens.Length * v];
            policy.Logits(tokens, actual);
            for (int i = 0; i < actual.Length; i++)
                AssertClose(expected[(b * width * v) + i], actual[i], 1e-4, $"row {b}, position {i / v}, token {i % v}");
        }
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public void TokenLogProbs_OfEveryResponse_MatchTransformers(string model, string batch)
    {
        using ManagedLlama policy = GoldenModels.Load(model);
        using SafetensorsFile file = GoldenModels.Open("logits", $"{model}.{batch}.safetensors");
        float[] expected = file.ReadSingles("token_logprobs");
        foreach ((int b, int width, int[] tokens, _) in Rows(file))
        {
            // The whole row after its first token as the response shows the log-probability of every token.
            var group = new TokenGroup($"row {b}", tokens.AsMemory(0, 1), [tokens.AsMemory(1)], new double[1]);
            double[] actual = policy.TokenLogProbs(group);
            for (int t = 0; t < actual.Length; t++)
                AssertClose(expected[(b * (width - 1)) + t], actual[t], 1e-4, $"row {b}, token {t + 1}");
        }
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public void Score_OfAllResponsesAtOnce_MatchesSumsAndMeans(string model, string batch)
    {
        using ManagedLlama policy = GoldenModels.Load(model);
        using SafetensorsFile file = GoldenModels.Open("logits", $"{model}.{batch}.safetensors");
        float[] sums = file.ReadSingles("response_logprob_sum"), means = file.ReadSingles("response_logprob_mean");
        var groups = new List<TokenGroup>();
        var rows = new List<int>();
        foreach ((int b, _, int[] tokens, int prompt) in Rows(file))
        {
            if (prompt == 0 || prompt == tokens.Length)
                continue; // no prompt or no response: not a group
            groups.Add(new TokenGroup($"row {b}", tokens.AsMemory(0, prompt), [tokens.AsMemory(prompt)], new double[1]));
            rows.Add(b);
        }

        var actual = new double[groups.Count];
        policy.Score(groups, actual);
        for (int i = 0; i < actual.Length; i++)
        {
            AssertClose(sums[rows[i]], actual[i], 1e-3, $"sum of row {rows[i]}");
            AssertClose(means[rows[i]], actual[i] / groups[i].Responses[0].Length, 1e-4, $"mean of row {rows[i]}");
        }
    }

    private static IEnumerable<(int Row, int Width, int[] Tokens, int Prompt)> Rows(SafetensorsFile file)
    {
        int[] ids = file.ReadInt32s("input_ids"), lengths = file.ReadInt32s("lengths"), prompts = file.ReadInt32s("prompt_lens");
        int width = ids.Length / lengths.Length;
        for (int b = 0; b < lengths.Length; b++)
            yield return (b, width, ids.AsSpan(b * width, lengths[b]).ToArray(), prompts[b]);
    }

    private static void AssertClose(double expected, double actual, double tolerance, string where) =>
        Assert.True(Math.Abs(expected - actual) <= tolerance, $"{where}: expected {expected}, got {actual}");
}
