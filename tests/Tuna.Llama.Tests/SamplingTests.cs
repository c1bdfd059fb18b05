using Tuna.Policies;

namespace Tuna.Llama.Tests;

public class SamplingTests
{
    private static SamplingRequest Request(int prompt, ulong seed, int count = 4, int tokens = 8) => new()
    {
        Prompt = Enumerable.Range(3, prompt).ToArray(),
        Count = count,
        MaxNewTokens = tokens,
        Seed = seed,
        StopTokens = [2, 50],
    };

    [Fact]
    public void Sample_LogProb_IsThatOfScore()
    {
        using LlamaPolicy policy = Tiny.Policy();
        SamplingRequest request = Request(5, 1) with { Temperature = 1.3, TopK = 20, TopP = 0.9 };
        foreach (SampledResponse sample in policy.Sample([request])[0])
        {
            var logProb = new double[1];
            policy.Score([new TokenGroup("sample", request.Prompt, [sample.Tokens.ToArray()], new double[1])], logProb);
            Assert.Equal(logProb[0], sample.LogProb, 1e-3);
            Assert.True(sample.Tokens.Count == request.MaxNewTokens || sample.Stopped);
            Assert.Equal(sample.Stopped, sample.Tokens[^1] is 2 or 50);
            Assert.DoesNotContain(2, sample.Tokens.Take(sample.Tokens.Count - 1));
        }
    }

    [Fact]
    public void Sample_RaggedBatch_GivesWhatEachRequestGivesAlone()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { MaxSampleBatch = 7 });
        SamplingRequest[] requests = [Request(3, 1), Request(11, 2, 2, 12), Request(1, 3, 5, 3), Request(6, 4, 1)];
        IReadOnlyList<IReadOnlyList<SampledResponse>> together = policy.Sample(requests);
        for (int r = 0; r < requests.Length; r++)
            Assert.Equal(policy.Sample([requests[r]])[0].Select(s => string.Join(',', s.Tokens)),
                together[r].Select(s => string.Join(',', s.Tokens)));
    }

    [Fact]
    public void Sample_SameSeed_GivesTheEmbeddedEnginesTokens()
    {
        using var folder = new Tuna.Testing.TempFolder();
        using LlamaPolicy policy = LlamaPolicy.Create(Tiny.WithoutBiases);
        policy.SaveModel(folder.Root);
        using var managed = Managed.ManagedLlama.Load(folder.Root);
        SamplingRequest[] requests =
            [Request(4, 7), Request(9, 8) with { TopK = 10 }, Request(2, 9) with { TopP = 0.7, Temperature = 0.8 }];
        Assert.Equal(
            managed.Sample(requests).SelectMany(r => r).Select(s => string.Join(',', s.Tokens)),
            policy.Sample(requests).SelectMany(r => r).Select(s => string.Join(',', s.Tokens)));
    }

    [Fact]
    public void Sample_FirstTokens_FollowTheModelsDistribution()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { MaxSampleBatch = 2000 });
        const int Count = 2000;
        int[] counts = new int[97];
        foreach (SampledResponse sample in policy.Sample([Request(3, 11, Count, 1)])[0])
            counts[sample.Tokens[0]]++;
        var groups = Enumerable.Range(0, 97)
            .Select(t => new TokenGroup($"{t}", Enumerable.Range(3, 3).ToArray(), [new[] { t }], new double[1])).ToList();
        var logProbs = new double[97];
        policy.Score(groups, logProbs);
        Assert.Equal(1, logProbs.Sum(Math.Exp), 1e-4);
        // Five standard deviations of a binomial count, so that a right sampler fails less than once in ten thousand seeds.
        for (int t = 0; t < 97; t++)
        {
            double p = Math.Exp(logProbs[t]);
            Assert.InRange(counts[t], (Count * p) - (5 * Math.Sqrt(Count * p * (1 - p))) - 1,
                (Count * p) + (5 * Math.Sqrt(Count * p * (1 - p))) + 1);
        }
    }

    [Fact]
    public void Sample_UpToTheWholeContext_Works()
    {
        using LlamaPolicy policy = Tiny.Policy();
        SampledResponse sample = policy.Sample(
            [new SamplingRequest { Prompt = new[] { 1, 5 }, MaxNewTokens = Tiny.Config.ContextLength - 2 }])[0][0];
        Assert.Equal(Tiny.Config.ContextLength - 2, sample.Tokens.Count);
    }

    [Fact]
    public async Task SampleStreamAsync_Tokens_AreThoseOfSampleAndCancellationThrows()
    {
        using LlamaPolicy policy = Tiny.Policy();
        SamplingRequest request = Request(5, 3, count: 1, tokens: 12) with { StopTokens = [] };
        var tokens = new List<int>();
        await foreach (int token in policy.SampleStreamAsync(request))
            tokens.Add(token);
        Assert.Equal(policy.Sample([request])[0][0].Tokens, tokens);

        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (int _ in policy.SampleStreamAsync(request, cancellation.Token))
                await cancellation.CancelAsync();
        });
        Assert.Equal(tokens, policy.Sample([request])[0][0].Tokens);
    }
}
