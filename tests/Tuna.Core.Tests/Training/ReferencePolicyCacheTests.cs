using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

namespace Tuna.Core.Tests.Training;

public sealed class ReferencePolicyCacheTests : IDisposable
{
    private static readonly TokenGroup[] Groups = TrainingFixtures.Groups(7);
    private readonly TempFolder _temp = new(inMemory: true);
    private readonly BigramPolicy _policy = new(seed: 4);
    private int _passes;

    public ReferencePolicyCacheTests() => _policy.At = at => _passes += at == "score" ? 1 : 0;

    private string File1 => _temp["cache", "reference.jsonl"];

    public void Dispose() => _temp.Dispose();

    private ReferenceLogProbs Score(IReadOnlyList<TokenGroup>? groups = null, string fingerprint = "v1", int perPass = 2,
        CancellationToken token = default) =>
        ReferenceLogProbs.GetOrScore(File1, fingerprint, groups ?? Groups, () => _policy, perPass, cancellationToken: token);

    private static double[] Flat(ReferenceLogProbs values) =>
        Enumerable.Range(0, values.Count).SelectMany(i => values[i].ToArray()).ToArray();

    private double[] Expected(IReadOnlyList<TokenGroup> groups) => Flat(ReferenceLogProbs.Score(_policy, groups));

    [Fact]
    public void GetOrScore_Twice_ScoresOnceAndGivesTheSameBits()
    {
        double[] expected = Expected(Groups);
        _passes = 0;
        Assert.Equal(expected, Flat(Score()));
        Assert.Equal(4, _passes);
        Assert.Equal(expected, Flat(ReferenceLogProbs.GetOrScore(File1, "v1", Groups,
            () => throw new InvalidOperationException("The policy is not needed."))));
        Assert.Equal(4, _passes);
    }

    [Fact]
    public void GetOrScore_NewGroupsOtherOrderOrOtherNames_ScoresOnlyWhatIsNew()
    {
        Score(Groups[..4]);
        _passes = 0;
        TokenGroup renamed = new("other name", Groups[0].Prompt, [.. Groups[0].Responses.Take(Groups[0].CandidateCount)], Groups[0].Scores,
            Groups[0].HasReference ? Groups[0].Responses[^1] : (ReadOnlyMemory<int>?)null);
        TokenGroup[] more = [Groups[5], renamed, Groups[3], Groups[5]];
        Assert.Equal(Expected(more), Flat(Score(more)));
        Assert.Equal(2, _passes); // one for what is expected, one for the group that is new, though it appears twice
    }

    [Fact]
    public void GetOrScore_SomeKnown_ReportsHowManyAreDone()
    {
        Score(Groups[..3]);
        var told = new List<int>();
        ReferenceLogProbs.GetOrScore(File1, "v1", Groups[..6], () => _policy, groupsPerPass: 2, new Told(told.Add));
        Assert.Equal([5, 6], told);
    }

    private sealed class Told(Action<int> report) : IProgress<int>
    {
        public void Report(int value) => report(value);
    }

    [Fact]
    public void GetOrScore_OtherPolicy_DoesNotReuse()
    {
        Score();
        using var other = new BigramPolicy(seed: 5);
        ReferenceLogProbs values = ReferenceLogProbs.GetOrScore(File1, "v2", Groups, () => other);
        Assert.Equal(Flat(ReferenceLogProbs.Score(other, Groups)), Flat(values));
    }

    [Fact]
    public void GetOrScore_JournalCutAtEveryByte_IsRepairedAndGivesTheSame()
    {
        double[] expected = Expected(Groups);
        Score();
        byte[] whole = File.ReadAllBytes(File1);
        for (int length = 0; length <= whole.Length; length++)
        {
            File.WriteAllBytes(File1, whole[..length]);
            Assert.Equal(expected, Flat(Score()));
            Assert.Equal(whole, File.ReadAllBytes(File1)); // the missing groups were added in the same order
        }
    }

    [Fact]
    public void GetOrScore_Cancelled_KeepsWhatWasScored()
    {
        using var cancel = new CancellationTokenSource();
        _policy.At = at =>
        {
            if (++_passes == 3)
                cancel.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => Score(token: cancel.Token));
        Assert.Equal(4, File.ReadAllLines(File1).Length);
        _passes = 100;
        Score();
        Assert.Equal(102, _passes);
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("{}")]
    [InlineData("""{"key":"a"}""")]
    [InlineData("""{"key":"","logProbs":[1]}""")]
    public void GetOrScore_DamagedLine_NamesIt(string line)
    {
        Score();
        string[] lines = File.ReadAllLines(File1);
        lines[2] = line;
        File.WriteAllLines(File1, lines);
        var error = Assert.Throws<InvalidDataException>(() => Score());
        Assert.Contains($"{File1}, line 3", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void GetOrScore_PolicyGivesNaN_NamesTheGroupAndJournalsNothing()
    {
        _policy.Table.Fill(float.NaN);
        Assert.Contains("'g0'", Assert.Throws<InvalidDataException>(() => Score()).Message, StringComparison.Ordinal);
        Assert.Empty(File.ReadAllBytes(File1));
    }
}
