using Tuna.Data.Sampling;
using Tuna.Data;
using Tuna.Policies;
using Tuna.Sampling;
using Tuna.Data.Groups;

namespace Tuna.Core.Tests.Sampling;

/// <summary>Every branch of the paper's procedure, with a policy that says what the test wrote down.</summary>
public class DiverseSamplerTests
{
    private const string A = "one two three four five", B = "six seven eight nine ten", C = "red green blue white black",
        D = "dog cat cow pig hen";

    [Fact]
    public void Sample_DifferentResponses_TakesTheFirstDraws()
    {
        using var policy = new ScriptedPolicy { ["p"] = [A, B, C, D] };
        DiverseSampleSet result = Run(policy, "p");
        Assert.Equal([A, B, C, D], Texts(result));
        Assert.All(result.Responses, r => Assert.Equal((true, 1, 1.0, 0.0), (r.Accepted, r.Trials, r.Temperature, r.Similarity)));
        SamplingRequest request = Assert.Single(policy.Requests); // one prefill for all
        Assert.Equal((4, 1.0), (request.Count, request.Temperature));
        Assert.Equal([2], request.StopTokens);
        Assert.Equal(new SamplingStatistics(1, 4, 0, 0, 0, policy.TokensDrawn), SamplingStatistics.None.Add(result));
    }

    [Fact]
    public void Sample_SimilarResponse_IsDrawnAgainHotterAndAloneOnly()
    {
        using var policy = new ScriptedPolicy { ["p"] = [A, A, C, D, /* slot 1, second trial */ B] };
        DiverseSampleSet result = Run(policy, "p");
        Assert.Equal([A, B, C, D], Texts(result));
        Assert.Equal((true, 2, 1.1, 0.0),
            (result.Responses[1].Accepted, result.Responses[1].Trials, result.Responses[1].Temperature,
            result.Responses[1].Similarity));
        Assert.Equal([(4, 1.0), (1, 1.1)], policy.Requests.Select(r => (r.Count, r.Temperature)));
        Assert.Equal(new SamplingStatistics(1, 5, 1, 0, 0, policy.TokensDrawn), SamplingStatistics.None.Add(result));
    }

    [Fact]
    public void Sample_ThreeSimilarTrials_KeepsTheLeastSimilar()
    {
        // ROUGE-L with A: 1, 0.8 (four of five words; not below 0.8), 1.
        const string Near = "one two three four other";
        using var policy = new ScriptedPolicy { ["p"] = [A, A, C, D, Near, A] };
        DiverseSampleSet result = Run(policy, "p");
        Assert.Equal([A, Near, C, D], Texts(result));
        DiverseResponse kept = result.Responses[1];
        Assert.False(kept.Accepted);
        Assert.Equal((3, 1.1), (kept.Trials, kept.Temperature));
        Assert.Equal(0.8, kept.Similarity, 12);
        Assert.Equal([1.0, 1.1, 1.2], policy.Requests.Select(r => r.Temperature).Select(t => Math.Round(t, 12)));
        Assert.Equal(new SamplingStatistics(1, 6, 1, 1, 0, policy.TokensDrawn), SamplingStatistics.None.Add(result));
    }

    [Fact]
    public void Sample_EquallySimilarTrials_KeepsTheEarliest()
    {
        using var policy = new ScriptedPolicy { ["p"] = [A, A, C, D, A + ".", A + "!"] };
        Assert.Equal([A, A, C, D], Texts(Run(policy, "p")));
    }

    [Fact]
    public void Sample_LaterSlot_ComparesWithWhatWasKeptAndStartsAtTheFirstTemperature()
    {
        // Slot 1's second trial is D, so that slot 3's first draw, D, offends too; its own second trial is B at 1.1 again.
        using var policy = new ScriptedPolicy { ["p"] = [A, A, C, D, D, B] };
        DiverseSampleSet result = Run(policy, "p");
        Assert.Equal([A, D, C, B], Texts(result));
        Assert.Equal([1.0, 1.1, 1.1], policy.Requests.Select(r => r.Temperature));
        Assert.Equal(3, policy.Requests.Select(r => r.Seed).Distinct().Count());
    }

    [Fact]
    public void Sample_EqualTextsWithoutWords_AreSimilar()
    {
        using var policy = new ScriptedPolicy { ["p"] = ["\u4f60\u597d", "\u4f60\u597d", "\u4f60", "", "\u597d"] };
        Assert.Equal(["\u4f60\u597d", "\u597d", "\u4f60", ""], Texts(Run(policy, "p")));
    }

    [Theory]
    [InlineData(true, B)] // "walked" and "walking" are one word
    [InlineData(false, "walked jumped talked")]
    public void Sample_Stemming_DecidesWhatIsSimilar(bool stem, string second)
    {
        using var policy = new ScriptedPolicy { ["p"] = ["walking jumping talking", "walked jumped talked", B] };
        Assert.Equal(second, Texts(Run(policy, new DiverseSamplerOptions { Count = 2, Stem = stem }, "p")[0]).Last());
    }

    [Fact]
    public void Sample_OneTrial_NeverDrawsAgain()
    {
        using var policy = new ScriptedPolicy { ["p"] = [A, A] };
        DiverseSampleSet result = Run(policy, new DiverseSamplerOptions { Count = 2, MaxTrials = 1 }, "p")[0];
        Assert.Equal([A, A], Texts(result));
        Assert.Equal(1, SamplingStatistics.None.Add(result).Forced);
    }

    [Fact]
    public void Sample_ManyPrompts_EqualEachAlone()
    {
        ScriptedPolicy Policy() => new() { ["p"] = [A, A, C, D, B], ["q"] = [B, A, C, D], ["r"] = [A, A, A, A, A, B, A, C, D] };
        using ScriptedPolicy together = Policy();
        DiverseSampleSet[] batch = [.. Run(together, new(), "p", "q", "r")];
        Assert.Equal([3, 2, 1, 1, 1, 1], together.BatchSizes); // the first draws of all, then the offenders of those still waiting
        for (int i = 0; i < batch.Length; i++)
        {
            using ScriptedPolicy alone = Policy();
            DiverseSampleSet single = Run(alone, batch[i].Id);
            Assert.Equal(single.Responses.Select(r => (r.Text, r.Trials, r.Temperature, r.Similarity)),
                batch[i].Responses.Select(r => (r.Text, r.Trials, r.Temperature, r.Similarity)));
            string id = batch[i].Id;
            Assert.Equal(alone.Requests.Select(r => (r.Seed, r.Count)),
                together.Requests.Where(r => ScriptedPolicy.Name(r) == id).Select(r => (r.Seed, r.Count)));
        }
    }

    [Fact]
    public void Sample_SeedOrId_ChangesEveryStream()
    {
        ulong Seed(string id, ulong seed)
        {
            using var policy = new ScriptedPolicy { [id] = [A, B, C, D] };
            Run(policy, new DiverseSamplerOptions { Seed = seed }, id);
            return policy.Requests[0].Seed;
        }

        Assert.Equal(Seed("p", 1), Seed("p", 1));
        Assert.Equal(3, new[] { Seed("p", 1), Seed("p", 2), Seed("q", 1) }.Distinct().Count());
    }

    [Fact]
    public void Sample_PromptFillsTheContext_NamesTheRow()
    {
        using var policy = new ScriptedPolicy { Info = new(259, 64, 1, 1, 1) };
        var sampler = new DiverseSampler(policy, ByteTokenizer.Instance);
        ArgumentException e = Assert.Throws<ArgumentException>(() => sampler.Sample(new DiversePrompt("long", new int[64])));
        Assert.Contains("Row 'long': a prompt of 64 tokens fills the context of 64", e.Message);
    }

    [Fact]
    public void Sample_Examples_BecomeRowsWithLogProbsAndReference()
    {
        using var policy = new ScriptedPolicy { ["p"] = [A, B, C, D], ["1"] = [D, C, B, A] };
        var sampler = new DiverseSampler(policy, ByteTokenizer.Instance);
        SamplingStatistics? last = null;
        InstructionExample[] examples = [new() { Id = "p", Instruction = "p", Output = "ref" }, new() { Instruction = "1", Input = "in" }];
        RankedExample[] rows = [.. sampler.Sample(examples, e => ByteTokenizer.Instance.Encode(e.Instruction), batch: 1, model: "m",
            new Immediate(s => last = s))];
        Assert.Equal(["p", "1"], rows.Select(r => r.Id));
        Assert.Equal("ref", rows[0].Reference);
        Assert.Null(rows[1].Reference);
        Assert.Equal([A, B, C, D], rows[0].Outputs);
        Assert.Equal([A.Length + 1, B.Length + 1, C.Length + 1, D.Length + 1], rows[0].TokenCounts);
        Assert.Equal([-1.0, -2, -3, -4], rows[0].LogProbs);
        Assert.False(rows[0].IsRanked);
        Assert.Equal(2, last!.Prompts);
    }

    [Fact]
    public void Constructor_SettingOutOfRange_NamesIt() => Assert.All(
        new DiverseSamplerOptions[] { new() { Count = 0 }, new() { Threshold = 0 }, new() { Temperature = 0 }, new() { MaxTrials = 0 },
            new() { TopP = double.NaN }, new() { TemperatureStep = -1 } },
        options => Assert.Throws<ArgumentOutOfRangeException>(() =>
            new DiverseSampler(new ScriptedPolicy(), ByteTokenizer.Instance, options)));

    private static DiverseSampleSet Run(ScriptedPolicy policy, string id) => Run(policy, new DiverseSamplerOptions(), id)[0];

    private static IReadOnlyList<DiverseSampleSet> Run(ScriptedPolicy policy, DiverseSamplerOptions options, params string[] ids) =>
        new DiverseSampler(policy, ByteTokenizer.Instance, options)
            .Sample([.. ids.Select(id => new DiversePrompt(id, ByteTokenizer.Instance.Encode(id)))]);

    private static IEnumerable<string> Texts(DiverseSampleSet result) => result.Responses.Select(r => r.Text);

    private sealed class Immediate(Action<SamplingStatistics> report) : IProgress<SamplingStatistics>
    {
        public void Report(SamplingStatistics value) => report(value);
    }

    /// <summary>Gives each prompt its written responses, one after the other; the n-th has log-probability -n.</summary>
    private sealed class ScriptedPolicy : Dictionary<string, string[]>, IPolicyModel
    {
        private readonly Dictionary<string, int> _next = [];

        public PolicyInfo Info { get; init; } = new(259, 512, 1, 1, 1);

        public List<SamplingRequest> Requests { get; } = [];

        public List<int> BatchSizes { get; } = [];

        public long TokensDrawn { get; private set; }

        public static string Name(SamplingRequest request) => ByteTokenizer.Instance.Decode(request.Prompt.Span);

        public IReadOnlyList<IReadOnlyList<SampledResponse>> Sample(IReadOnlyList<SamplingRequest> requests,
            CancellationToken cancellationToken = default)
        {
            Requests.AddRange(requests);
            BatchSizes.Add(requests.Count);
            return [.. requests.Select(request =>
                (IReadOnlyList<SampledResponse>)[.. Enumerable.Range(0, request.Count).Select(_ => Next(Name(request)))])];
        }

        public void Score(IReadOnlyList<TokenGroup> groups, Span<double> logProbs, CancellationToken cancellationToken = default) =>
            throw new NotSupportedException();

        public void Dispose()
        {
        }

        private SampledResponse Next(string prompt)
        {
            int n = _next.GetValueOrDefault(prompt);
            _next[prompt] = n + 1;
            int[] ids = [.. ByteTokenizer.Instance.Encode(this[prompt][n]), 2];
            TokensDrawn += ids.Length;
            return new(ids, -1 - n, Stopped: true);
        }
    }
}
