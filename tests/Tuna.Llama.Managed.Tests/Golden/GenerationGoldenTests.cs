using System.Text.Json;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Llama.Managed.Tests.Golden;

public class GenerationGoldenTests
{
    public static TheoryData<string> Models => GoldenModels.Generations();

    [Theory]
    [MemberData(nameof(Models))]
    public void Sample_Greedy_MatchesTransformersTokenByToken(string model)
    {
        using ManagedLlama policy = GoldenModels.Load(model);
        JsonElement golden = GoldenData.Json("generate", model + ".json");
        var requests = new List<SamplingRequest>();
        foreach (JsonElement c in golden.GetProperty("cases").EnumerateArray())
        {
            requests.Add(new SamplingRequest
            {
                Prompt = Ints(c.GetProperty("prompt")),
                MaxNewTokens = golden.GetProperty("max_new_tokens").GetInt32(),
                StopTokens = [golden.GetProperty("eos_token_id").GetInt32()],
                Temperature = 0,
            });
        }

        IReadOnlyList<IReadOnlyList<SampledResponse>> all = policy.Sample(requests);
        int i = 0;
        foreach (JsonElement c in golden.GetProperty("cases").EnumerateArray())
        {
            SampledResponse sample = Assert.Single(all[i++]);
            Assert.Equal(Ints(c.GetProperty("new_tokens")), sample.Tokens);
            Assert.Equal(c.GetProperty("stopped_at_eos").GetBoolean(), sample.Stopped);
        }
    }

    private static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(e => e.GetInt32())];
}
