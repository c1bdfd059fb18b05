using Tuna.Evaluation.Similarity;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Models;

namespace Tuna.Evaluation.Tests.Similarity;

public class BertScoreTests
{
    // Hand-made embeddings in the plane: a = (1, 0), b = (0, 1), c = (3, 4)/5 and d = (-1, 0), of different lengths, which must not matter.
    private static readonly Dictionary<int, float[]> s_plane = new()
    {
        [Token('a')] = [2, 0],
        [Token('b')] = [0, 1],
        [Token('c')] = [0.6f, 0.8f],
        [Token('d')] = [-5, 0],
    };

    // Single-precision cosines.
    private const double Tolerance = 1e-6;

    [Fact]
    public void Score_HandWorkedCase_IsExact()
    {
        // Reference "ab", candidate "cca": a is matched by a (1), b by c (0.8): R = 0.9. Of the candidate each c is matched by b (0.8 >
        // 0.6), a by a: P = 2.6 / 3.
        BertScoreResult score = Scorer().Score("cca", "ab");
        AssertScore(2.6 / 3, 0.9, score);
        Assert.Equal(2 * score.Precision * score.Recall / (score.Precision + score.Recall), score.F1, Tolerance);
    }

    [Fact]
    public void Score_WithIdf_WeighsRareTokens()
    {
        // Three references: a is in all (log 4/4 = 0), b in one (log 4/2), c and d in none (log 4).
        var idf = new TokenIdf(["aab", "a", "a"], ByteTokenizer.Instance);
        Assert.Equal(0, idf.Weight(Token('a')), Tolerance);
        Assert.Equal(Math.Log(2), idf.Weight(Token('b')), Tolerance);
        Assert.Equal(Math.Log(4), idf.Weight(Token('c')), Tolerance);
        // a weighs nothing on either side
        AssertScore((2 * 0.8 * Math.Log(4)) / (2 * Math.Log(4)), 0.8, Scorer(new BertScoreOptions { Idf = idf }).Score("cca", "ab"));
    }

    [Fact]
    public void Score_WithBaseline_IsRescaled()
    {
        BertScoreResult plain = Scorer().Score("cca", "ab");
        BertScoreResult rescaled = Scorer(new BertScoreOptions { Baseline = new BertScoreResult(0.5, 0.6, 0.8) }).Score("cca", "ab");
        Assert.Equal((plain.Precision - 0.5) / 0.5, rescaled.Precision, Tolerance);
        Assert.Equal((plain.Recall - 0.6) / 0.4, rescaled.Recall, Tolerance);
        Assert.Equal((plain.F1 - 0.8) / 0.2, rescaled.F1, Tolerance);
    }

    [Theory]
    [InlineData("a", "d", -1, -1)]
    [InlineData("", "ab", 0, 0)]
    [InlineData("ab", "", 0, 0)]
    [InlineData("b", "a", 0, 0)]
    public void Score_Extremes_AreDefined(string candidate, string reference, double precision, double recall) =>
        AssertScore(precision, recall, Scorer().Score(candidate, reference));

    [Theory]
    [InlineData("abccd", "abccd")]
    [InlineData("dcba", "abcd")] // order does not matter to embeddings without context
    public void Score_SameTokens_IsOne(string candidate, string reference) => AssertScore(1, 1, Scorer().Score(candidate, reference));

    [Theory]
    [InlineData("abc", "dd")]
    [InlineData("c", "abab")]
    public void Score_ExchangedTexts_ExchangePrecisionAndRecall(string one, string other)
    {
        BertScoreResult there = Scorer().Score(one, other), back = Scorer().Score(other, one);
        AssertScore(there.Recall, there.Precision, back);
        Assert.Equal(there.F1, back.F1, Tolerance);
    }

    [Fact]
    public void Score_SeveralReferences_TakesTheLargestOfEach()
    {
        BertScoreResult best = Scorer().Score("c", ["a", "b", "d"]);
        AssertScore(0.8, 0.8, best);
        AssertScore((0.8 + 1) / 2, (0.8 + 1) / 2, Scorer().Mean([("c", "b"), ("a", "a")]));
    }

    [Fact]
    public void Score_ContextAndLayer_AreTheModels()
    {
        var model = new PlaneModel();
        new BertScore(model, PlaneModel.Info, ByteTokenizer.Instance, new BertScoreOptions { Layer = 1 }).Score("abababab", "a");
        Assert.Equal([1], model.Layers.Distinct());
        Assert.All(model.Sequences, sequence => Assert.Equal(ByteTokenizer.Instance.BosId, sequence[0]));
        Assert.Equal(PlaneModel.Info.ContextLength, model.Sequences.Max(sequence => sequence.Length)); // cut to the context
    }

    [Fact]
    public void Constructor_BadInput_Throws()
    {
        using var policy = new FakePolicy(prompt => prompt);
        Assert.Contains("IHiddenStates", Assert.Throws<ArgumentException>(() => new BertScore(policy, ByteTokenizer.Instance)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Scorer(new BertScoreOptions { Layer = 3 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Scorer(new BertScoreOptions { Baseline = new BertScoreResult(1, 0, 0) }));
        Assert.Throws<ArgumentException>(() => Scorer().Score("a", []));
    }

    private static BertScore Scorer(BertScoreOptions? options = null) =>
        new(new PlaneModel(), PlaneModel.Info, ByteTokenizer.Instance, options);

    private static void AssertScore(double precision, double recall, BertScoreResult actual)
    {
        Assert.Equal(precision, actual.Precision, Tolerance);
        Assert.Equal(recall, actual.Recall, Tolerance);
    }

    private static int Token(char c) => ByteTokenizer.Instance.Encode(c.ToString())[0];

    private sealed class PlaneModel : IHiddenStates
    {
        public static PolicyInfo Info { get; } = new(ByteTokenizer.Instance.VocabularySize, 6, 2, 2, 1);

        public List<int> Layers { get; } = [];

        public List<int[]> Sequences { get; } = [];

        public void HiddenStates(ReadOnlySpan<int> tokens, int layer, Span<float> destination)
        {
            Layers.Add(layer);
            Sequences.Add(tokens.ToArray());
            for (int t = 0; t < tokens.Length; t++)
                // the begin token lies between a and b and must not be matched
                s_plane.GetValueOrDefault(tokens[t], [7, 7]).CopyTo(destination[(2 * t)..]);
        }
    }
}
