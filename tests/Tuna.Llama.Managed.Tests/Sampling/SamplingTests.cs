using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Sampling;

public class SamplingTests
{
    private static SamplingRequest Request(ulong seed = 5, int count = 3, int tokens = 12, int prompt = 6, double temperature = 1) => new()
    {
        Prompt = Models.Tokens(prompt, seed),
        Count = count,
        MaxNewTokens = tokens,
        Temperature = temperature,
        Seed = seed,
    };

    [Fact]
    public void Sample_AnyCompany_GivesTheSameSample()
    {
        using ManagedLlama policy = Models.Create();
        IReadOnlyList<SampledResponse> alone = policy.Sample([Request()])[0];
        SampledResponse first = policy.Sample([Request(count: 1)])[0][0];
        var crowd = new List<SamplingRequest>();
        for (ulong i = 0; i < 40; i++)
            crowd.Add(Request(100 + i, 1 + (int)(i % 3), 3 + (int)i, 1 + (int)(i * 7)));
        crowd.Insert(20, Request());
        IReadOnlyList<SampledResponse> together = policy.Sample(crowd)[20];
        Assert.Equal(alone[0].Tokens, first.Tokens);
        for (int k = 0; k < alone.Count; k++)
        {
            Assert.Equal(alone[k].Tokens, together[k].Tokens);
            Assert.Equal(alone[k].LogProb, together[k].LogProb);
        }

        Assert.NotEqual(alone[0].Tokens, alone[1].Tokens);
    }

    [Fact]
    public void Sample_LogProb_IsWhatScoreGives()
    {
        using ManagedLlama policy = Models.Create();
        foreach (double temperature in (double[])[0, 0.5, 1, 2])
        {
            SamplingRequest request = Request(temperature: temperature, count: 2) with { TopK = temperature == 2 ? 5 : 0 };
            foreach (SampledResponse sample in policy.Sample([request])[0])
            {
                var score = new double[1];
                policy.Score([new TokenGroup("g", request.Prompt, [sample.Tokens.ToArray()], new double[1])], score);
                Assert.Equal(score[0], sample.LogProb, 1e-4);
            }
        }
    }

    [Fact]
    public void Sample_StopToken_EndsTheSampleAndIsItsLast()
    {
        using ManagedLlama policy = Models.Create();
        SamplingRequest request = Request(count: 20, tokens: 30) with { StopTokens = [.. Enumerable.Range(0, 15)] };
        bool stopped = false;
        foreach (SampledResponse sample in policy.Sample([request])[0])
        {
            stopped |= sample.Stopped;
            Assert.Equal(sample.Stopped, request.StopTokens.Contains(sample.Tokens[^1]));
            Assert.DoesNotContain(sample.Tokens.SkipLast(1), t => t < 15);
            Assert.True(sample.Stopped || sample.Tokens.Count == 30);
        }

        Assert.True(stopped);
    }

    [Fact]
    public void Sample_MoreThanABatch_GivesEveryNumberItsStream()
    {
        using ManagedLlama policy = Models.Create();
        IReadOnlyList<SampledResponse> many = policy.Sample([Request(count: 130, tokens: 4)])[0],
            few = policy.Sample([Request(count: 70, tokens: 4)])[0];
        Assert.Equal(130, many.Count);
        for (int k = 0; k < 70; k++)
            Assert.Equal(few[k].Tokens, many[k].Tokens);
    }

    [Fact]
    public void Sample_FillingTheContext_Works()
    {
        using ManagedLlama policy = Models.Create();
        Assert.Equal(12, policy.Sample([Request(prompt: 500, count: 1)])[0][0].Tokens.Count);
    }

    [Fact]
    public void Sample_BadRequests_NameTheRequestAndTheReason()
    {
        using ManagedLlama policy = Models.Create();
        SamplingRequest good = Request();
        (SamplingRequest Bad, string Word)[] cases =
        [
            (good with { Prompt = default }, "prompt"), (good with { Count = 0 }, "Count"),
                (good with { MaxNewTokens = 0 }, "MaxNewTokens"), (good with { MaxNewTokens = 507 }, "context"),
            (good with { Temperature = -1 }, "Temperature"), (good with { Temperature = double.NaN }, "Temperature"),
                (good with { TopK = -1 }, "TopK"), (good with { TopP = 0 }, "TopP"),
            (good with { TopP = 1.1 }, "TopP"), (good with { Prompt = new int[] { 61 } }, "vocabulary"),
        ];
        foreach ((SamplingRequest bad, string word) in cases)
        {
            string message = Assert.Throws<ArgumentException>(() => policy.Sample([good, bad])).Message;
            Assert.Contains(word, message, StringComparison.Ordinal);
            Assert.Contains("equest 1", message, StringComparison.Ordinal);
        }
    }
}
