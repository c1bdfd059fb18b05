using System.Diagnostics;
using Tuna.Text;
using Xunit.Abstractions;

namespace Tuna.Core.Tests.Text;

public class RougeLTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("Hello, World", "hello world", 1.0)] // case and punctuation do not count
    [InlineData("na\u00efve", "na ve", 1.0)] // a letter with an accent separates
    [InlineData("\u212Aelvin", "kelvin", 1.0)] // the Kelvin sign lowers to k
    [InlineData("\u0130stanbul", "i stanbul", 1.0)] // the dotted capital I lowers to i and a combining dot, which separates
    [InlineData("\u4f60\u597d", "\u4f60\u597d", 0.0)] // no word at all
    [InlineData("a b c d", "a x b y", 0.5)]
    public void Score_HandWorkedPairs_GivesF(string target, string prediction, double f) =>
        Assert.Equal(f, RougeL.Plain.Score(target, prediction).F, 15);

    [Fact]
    public void Score_PrecisionAndRecall_BelongToTheirSides()
    {
        RougeScore score = RougeL.Plain.Score("one two three four", "two four");
        Assert.Equal(1, score.Precision);
        Assert.Equal(0.5, score.Recall);
        Assert.Equal(2.0 / 3, score.F, 15);
    }

    [Fact]
    public void Tokenize_WordsOfAnyLength_DifferByKey()
    {
        string[] words = ["0", "a", "z", "00", "0a", "aaaaaaaaaaaa", "aaaaaaaaaaaaa", "aaaaaaaaaaaab", "zzzzzzzzzzzz", "zzzzzzzzzzzzz"];
        Assert.Equal(words.Length, RougeL.Plain.Tokenize(string.Join(' ', words)).Keys.ToArray().Distinct().Count());
    }

    [Fact]
    public void IsBelow_RandomPairs_AgreesWithScore()
    {
        var rng = new Tuna.Numerics.Rng(5);
        int below = 0;
        for (int i = 0; i < 2000; i++)
        {
            RougeTokens a = RandomText(rng, 1 + rng.Next(40), 12), b = RandomText(rng, 1 + rng.Next(40), 12);
            double f = RougeL.Score(a, b).F;
            double tau = i % 3 == 0 ? f : rng.NextDouble(); // also exactly on the threshold
            Assert.Equal(f < tau, RougeL.IsBelow(a, b, tau));
            below += f < tau ? 1 : 0;
        }

        Assert.InRange(below, 200, 1800);
    }

    [Fact]
    public void FMeasures_SeveralTexts_EqualScores()
    {
        var rng = new Tuna.Numerics.Rng(6);
        RougeTokens text = RandomText(rng, 90, 20);
        RougeTokens[] others = [RandomText(rng, 70, 20), RougeL.Plain.Tokenize(""), text];
        var f = new double[3];
        RougeL.FMeasures(text, others, f);
        Assert.Equal([RougeL.Score(text, others[0]).F, 0, 1], f);
        Assert.Throws<ArgumentException>(() => RougeL.FMeasures(text, others, new double[2]));
    }

    /// <summary>The goal is 20 times the table for 16 responses of 512 tokens; a tenth of it is asserted, since machines are
    /// shared.</summary>
    [Fact]
    public void FMeasures_SixteenResponsesOf512Tokens_IsFasterThanTheTable()
    {
        var rng = new Tuna.Numerics.Rng(7);
        RougeTokens[] texts = [.. Enumerable.Range(0, 16).Select(_ => RandomText(rng, 512, 150))];
        var f = new double[16];
        double fast = double.MaxValue, slow = double.MaxValue;
        for (int repeat = 0; repeat < 3; repeat++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 1; i < texts.Length; i++)
                RougeL.FMeasures(texts[i], texts[..i], f);
            fast = Math.Min(fast, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            start = Stopwatch.GetTimestamp();
            for (int i = 1; i < texts.Length; i++)
            {
                for (int j = 0; j < i; j++)
                    LcsMatcherTests.Table(texts[i].Keys, texts[j].Keys);
            }

            slow = Math.Min(slow, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        output.WriteLine($"bit-vectors {fast:F2} ms, table {slow:F2} ms, {slow / fast:F0} times");
        Assert.True(slow > 2 * fast, $"{fast} ms against {slow} ms");
    }

    private static RougeTokens RandomText(Tuna.Numerics.Rng rng, int words, int vocabulary)
    {
        var text = new string[words];
        for (int i = 0; i < words; i++)
            text[i] = "w" + rng.Next(vocabulary);
        return RougeL.Plain.Tokenize(string.Join(' ', text));
    }
}
