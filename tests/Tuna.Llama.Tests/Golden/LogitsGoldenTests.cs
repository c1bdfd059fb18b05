using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using static Tuna.Llama.Tests.Golden.GoldenModels;

namespace Tuna.Llama.Tests.Golden;

public class LogitsGoldenTests
{
    public static TheoryData<string, string> Batches => LogitBatches();

    [Theory]
    [MemberData(nameof(Batches))]
    public void Forward_OfThePaddedBatch_MatchesTransformersLogits(string model, string batch)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using IDisposable mode = torch.no_grad();
        using LlamaPolicy policy = Load(model);
        using SafetensorsFile file = Open("logits", $"{model}.{batch}.safetensors");
        int[] ids = file.ReadInt32s("input_ids"), lengths = file.ReadInt32s("lengths");
        int width = ids.Length / lengths.Length, v = policy.Info.VocabularySize;
        float[] expected = file.ReadSingles("logits");
        float[] actual = policy.Model.call(torch.tensor(ids, dtype: torch.ScalarType.Int64).view(lengths.Length, width)).data<float>()
            .ToArray();
        for (int b = 0; b < lengths.Length; b++)
        {
            for (int i = b * width * v; i < ((b * width) + lengths[b]) * v; i++)
                AssertClose(expected[i], actual[i], 1e-4, $"row {b}, logit {i}");
        }
    }

    [Theory]
    [MemberData(nameof(Batches))]
    public void Score_OfEveryTokenAndResponse_MatchesTransformersLogProbs(string model, string batch)
    {
        using LlamaPolicy policy = Load(model);
        using SafetensorsFile file = Open("logits", $"{model}.{batch}.safetensors");
        int[] ids = file.ReadInt32s("input_ids"), lengths = file.ReadInt32s("lengths"), prompts = file.ReadInt32s("prompt_lens");
        float[] tokens = file.ReadSingles("token_logprobs"), sums = file.ReadSingles("response_logprob_sum"),
            means = file.ReadSingles("response_logprob_mean");
        int width = ids.Length / lengths.Length;
        var groups = new List<TokenGroup>();
        var expected = new List<(double Value, double Tolerance, string Where)>();
        for (int b = 0; b < lengths.Length; b++)
        {
            int[] row = ids.AsSpan(b * width, lengths[b]).ToArray();
            // Every token alone, as a response to what stands before it.
            for (int t = 1; t < row.Length; t += 7)
            {
                groups.Add(new TokenGroup($"row {b} token {t}", row.AsMemory(0, t), [row.AsMemory(t, 1)], new double[1]));
                expected.Add((tokens[(b * (width - 1)) + t - 1], 1e-4, groups[^1].Id));
            }

            if (prompts[b] == 0 || prompts[b] == row.Length)
                continue; // no prompt or no response: not a group
            groups.Add(new TokenGroup($"row {b}", row.AsMemory(0, prompts[b]), [row.AsMemory(prompts[b])], new double[1]));
            expected.Add((sums[b], 1e-3, $"sum of row {b}"));
            AssertClose(sums[b] / (row.Length - prompts[b]), means[b], 1e-4, $"mean of row {b}");
        }

        var actual = new double[groups.Count];
        policy.Score(groups, actual);
        for (int i = 0; i < actual.Length; i++)
            AssertClose(expected[i].Value, actual[i], expected[i].Tolerance, expected[i].Where);
    }
}
