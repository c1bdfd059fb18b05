using Tuna.Policies;

namespace Tuna.Conformance;

/// <summary>What every <see cref="ITrainablePolicy"/> owes besides: its numbers are log-probabilities, and it samples from them.</summary>
public abstract class PolicyConformance : ScorerConformance
{
    /// <summary>Largest difference of a log-probability between sampling and scoring, nats. Default 1e-3.</summary>
    protected virtual double SamplingTolerance => 1e-3;

    /// <inheritdoc/>
    protected sealed override ITrainableScorer Create(ulong seed) => CreatePolicy(seed);

    /// <inheritdoc/>
    protected sealed override ITrainableScorer Load(string folder) => LoadPolicy(folder);

    /// <inheritdoc cref="ScorerConformance.Create"/>
    protected abstract ITrainablePolicy CreatePolicy(ulong seed);

    /// <inheritdoc cref="ScorerConformance.Load"/>
    protected abstract ITrainablePolicy LoadPolicy(string folder);

    /// <inheritdoc/>
    protected override IEnumerable<Action<ITrainableScorer>> Uses(TokenGroup[] groups, string folder) =>
        base.Uses(groups, folder).Append(m => ((ITrainablePolicy)m).Sample([Request(1)]));

    private static SamplingRequest Request(ulong seed, int count = 3, int tokens = 10) => new()
    {
        Prompt = new[] { 1, 2, 3 + (int)(seed % 5) },
        Count = count,
        MaxNewTokens = tokens,
        Seed = seed,
    };

    private static string Text(SampledResponse sample) => string.Join(' ', sample.Tokens);

    [Fact]
    public void Score_AllNextTokens_AreADistribution()
    {
        using ITrainablePolicy policy = CreatePolicy(1);
        ReadOnlyMemory<int>[] each = [.. Enumerable.Range(0, policy.Info.VocabularySize).Select(t => (ReadOnlyMemory<int>)new[] { t })];
        double[] logProbs = Scores(policy, [new TokenGroup("all", new[] { 1, 2 }, each, new double[each.Length])]);
        Assert.Equal(1, logProbs.Sum(Math.Exp), 1e-4);
        Assert.All(logProbs, l => Assert.True(l < 0));
    }

    [Fact]
    public void Score_OfAResponse_IsTheSumOverItsTokens()
    {
        using ITrainablePolicy policy = CreatePolicy(1);
        int[] prompt = [3, 1], response = [4, 2, 5, 5];
        double whole = Scores(policy, [new TokenGroup("whole", prompt, [response], new double[1])])[0];
        double parts = Enumerable.Range(0, response.Length).Sum(t =>
            Scores(policy, [new TokenGroup("part", (int[])[.. prompt, .. response[..t]], [new[] { response[t] }], new double[1])])[0]);
        Assert.Equal(parts, whole, Tolerance * Math.Max(1, Math.Abs(parts)));
    }

    [Fact]
    public void Sample_SameSeed_GivesTheSameTokens_WhateverTheCompany()
    {
        using ITrainablePolicy policy = CreatePolicy(1);
        IReadOnlyList<SampledResponse> alone = policy.Sample([Request(7)])[0];
        Assert.Equal(alone.Select(Text), policy.Sample([Request(7)])[0].Select(Text));
        SamplingRequest[] crowd = [.. Enumerable.Range(0, 9).Select(i => Request((ulong)i, 1 + (i % 4), 1 + i))];
        crowd[5] = Request(7);
        Assert.Equal(alone.Select(Text), policy.Sample(crowd)[5].Select(Text));
        Assert.Equal(Text(alone[0]), Text(policy.Sample([Request(7, count: 1)])[0][0]));
        Assert.True(alone.Select(Text).Distinct().Count() > 1);
        Assert.NotEqual(alone.Select(Text), policy.Sample([Request(8) with { Prompt = Request(7).Prompt }])[0].Select(Text));
        Assert.Empty(policy.Sample([]));
    }

    [Fact]
    public void Sample_LogProb_IsThatOfScore()
    {
        using ITrainablePolicy policy = CreatePolicy(2);
        SamplingRequest request = Request(3);
        foreach (SamplingRequest each in new[] { request, request with { Temperature = 0.5 }, request with { TopK = 3 },
            request with { TopP = 0.6 }, request with { Temperature = 0 } })
        {
            foreach (SampledResponse sample in policy.Sample([each])[0])
            {
                Assert.Equal(Scores(policy, [new TokenGroup("sample", each.Prompt, [sample.Tokens.ToArray()], new double[1])])[0],
                    sample.LogProb, SamplingTolerance);
                Assert.Equal(each.MaxNewTokens, sample.Tokens.Count);
                Assert.False(sample.Stopped);
            }
        }
    }

    [Fact]
    public void Sample_Greedy_TakesTheLikeliestToken()
    {
        using ITrainablePolicy policy = CreatePolicy(3);
        SamplingRequest request = Request(1, count: 2, tokens: 4) with { Temperature = 0 };
        IReadOnlyList<SampledResponse> samples = policy.Sample([request])[0];
        Assert.Equal(Text(samples[0]), Text(samples[1]));
        ReadOnlyMemory<int>[] each = [.. Enumerable.Range(0, policy.Info.VocabularySize).Select(t => (ReadOnlyMemory<int>)new[] { t })];
        double[] logProbs = Scores(policy, [new TokenGroup("all", request.Prompt, each, new double[each.Length])]);
        Assert.Equal(logProbs.Max(), logProbs[samples[0].Tokens[0]], SamplingTolerance);
        Assert.Equal(Text(samples[0]), Text(policy.Sample([request with { Temperature = 1, TopK = 1, Count = 1 }])[0][0]));
    }

    [Fact]
    public void Sample_StopToken_EndsTheSampleAndIsItsLast()
    {
        using ITrainablePolicy policy = CreatePolicy(1);
        int[] stops = [.. Enumerable.Range(0, Math.Max(1, policy.Info.VocabularySize / 8))];
        IReadOnlyList<SampledResponse> samples = policy.Sample([Request(5, count: 60, tokens: 20) with { StopTokens = stops }])[0];
        Assert.Contains(samples, s => s.Stopped);
        foreach (SampledResponse sample in samples)
        {
            Assert.Equal(sample.Stopped, stops.Contains(sample.Tokens[^1]));
            Assert.DoesNotContain(sample.Tokens.SkipLast(1), stops.Contains);
            Assert.True(sample.Stopped || sample.Tokens.Count == 20);
        }
    }

    [Fact]
    public void Sample_Drawn_IsToldEveryTokenInOrder()
    {
        using ITrainablePolicy policy = CreatePolicy(1);
        List<int>[] told = [[], [], []];
        IReadOnlyList<SampledResponse> samples =
            policy.Sample([Request(5, count: 3, tokens: 12) with { Drawn = (sample, token) => told[sample].Add(token) }])[0];
        for (int k = 0; k < told.Length; k++)
            Assert.Equal(samples[k].Tokens, told[k]);
    }

    [Fact]
    public void Sample_FirstTokens_FollowTheModelsDistribution()
    {
        const int Count = 2000;
        using ITrainablePolicy policy = CreatePolicy(4);
        SamplingRequest request = Request(11, Count, 1);
        var counts = new int[policy.Info.VocabularySize];
        foreach (SampledResponse sample in policy.Sample([request])[0])
            counts[sample.Tokens[0]]++;
        ReadOnlyMemory<int>[] each = [.. Enumerable.Range(0, counts.Length).Select(t => (ReadOnlyMemory<int>)new[] { t })];
        double[] logProbs = Scores(policy, [new TokenGroup("all", request.Prompt, each, new double[each.Length])]);
        for (int t = 0; t < counts.Length; t++)
        {
            // Five standard deviations of a binomial count.
            double p = Math.Exp(logProbs[t]), expected = Count * p, room = (5 * Math.Sqrt(expected * (1 - p))) + 1;
            Assert.InRange(counts[t], expected - room, expected + room);
        }
    }

    [Fact]
    public void Sample_BadRequest_NamesIt()
    {
        using ITrainablePolicy policy = CreatePolicy(1);
        SamplingRequest good = Request(1);
        foreach (SamplingRequest bad in new[]
        {
            good with { Prompt = ReadOnlyMemory<int>.Empty }, good with { Prompt = new[] { policy.Info.VocabularySize } },
                good with { Prompt = new[] { -1 } },
            good with { Count = 0 }, good with { MaxNewTokens = 0 }, good with { MaxNewTokens = policy.Info.ContextLength },
            good with { Temperature = -1 }, good with { Temperature = double.NaN }, good with { TopK = -1 }, good with { TopP = 0 },
                good with { TopP = 1.5 },
        })
        {
            Assert.Contains("equest 1", Assert.ThrowsAny<ArgumentException>(() => policy.Sample([good, bad])).Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Sample_CancelledOrWhileAPassIsOpen_IsRefused()
    {
        using ITrainablePolicy policy = CreatePolicy(1);
        Assert.ThrowsAny<OperationCanceledException>(() => policy.Sample([Request(1)], new CancellationToken(canceled: true)));
        using (policy.Forward(Groups(policy.Info)))
            Assert.Throws<InvalidOperationException>(() => policy.Sample([Request(1)]));
        Assert.Single(policy.Sample([Request(1)]));
    }

    [Fact]
    public void Sample_AfterAStep_UsesTheNewWeights()
    {
        using ITrainablePolicy policy = CreatePolicy(1);
        TokenGroup[] groups = Groups(policy.Info);
        policy.Sample([Request(1)]);
        Train(policy, groups, Gradient(groups), new AdamWStep(1, 0.05, 1, new AdamWSettings()));
        SampledResponse sample = policy.Sample([Request(1, count: 1)])[0][0];
        Assert.Equal(Scores(policy, [new TokenGroup("sample", Request(1).Prompt, [sample.Tokens.ToArray()], new double[1])])[0],
            sample.LogProb, SamplingTolerance);
    }
}
