using Tuna.Data;
using Tuna.Numerics;
using Tuna.Text;

namespace Tuna.Data.Tests;

public class DeduplicationTests
{
    [Theory]
    [InlineData(DuplicateMatch.Exact, "Name a colour.", "Name a colour.", true)]
    [InlineData(DuplicateMatch.Exact, "Name a colour.", "name a colour", false)]
    [InlineData(DuplicateMatch.Normalized, "Name a  colour.", " name\na colour!", true)]
    [InlineData(DuplicateMatch.Normalized, "Name a colour.", "Name the colour.", false)]
    [InlineData(DuplicateMatch.Normalized, "!", "?", false)]
    [InlineData(DuplicateMatch.Near, "name a nice colour", "name the nice colour", true)] // 3 of 4 words: 0.75
    [InlineData(DuplicateMatch.Near, "name a nice colour", "name two nice animals", false)] // 0.5
    [InlineData(DuplicateMatch.Near, "\u4f60\u597d", "\u4f60\u597d", true)]
    [InlineData(DuplicateMatch.Near, "", "", true)]
    public void FindOrAdd_TwoTexts_MatchAsSaid(DuplicateMatch match, string first, string second, bool same)
    {
        var seen = new TextDuplicates(match);
        Assert.Equal(-1, seen.FindOrAdd(first));
        Assert.Equal(same ? 0 : -1, seen.FindOrAdd(second));
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.7)]
    [InlineData(0.9)]
    [InlineData(1.0)]
    public void FindOrAdd_Near_EqualsComparingAllPairs(double threshold)
    {
        var rng = new Rng(4);
        var seen = new TextDuplicates(DuplicateMatch.Near, threshold);
        var kept = new List<(RougeTokens Words, int Text)>();
        int found = 0;
        for (int i = 0; i < 400; i++)
        {
            // Few words, often repeated, and variations of earlier texts.
            string[] words = [.. Enumerable.Range(0, 1 + rng.Next(12)).Select(_ => "w" + new string('x', rng.Next(9)))];
            string text = string.Join(' ', words);
            RougeTokens tokens = RougeL.Plain.Tokenize(text);
            int expected = kept.Where(k => RougeL.Score(k.Words, tokens).F >= threshold).Select(k => k.Text).DefaultIfEmpty(-1).First();
            Assert.Equal(expected, seen.FindOrAdd(text));
            if (expected < 0)
                kept.Add((tokens, i));
            else
                found++;
        }

        Assert.InRange(found, 20, 390);
    }

    [Fact]
    public void DistinctRows_RepeatedInstruction_KeepsTheFirstAndTells()
    {
        RankedExample[] rows = [Row("1", "Do it."), Row("2", "do it") with { Input = "x" }, Row("3", "DO IT"),
            Row("4", "do it") with { Input = "X" }];
        var removed = new List<string>();
        Assert.Equal(["1", "2"], Deduplication.DistinctRows(rows, removed: (id, earlier) => removed.Add($"{id}={earlier}"))
            .Select(r => r.Id));
        Assert.Equal(["3=1", "4=2"], removed);
    }

    [Fact]
    public void DistinctCandidates_Repeats_KeepTheBetterInPlace()
    {
        RankedExample row = Row("1", "i")
            with { Outputs = ["a b", "c", "A b", "a b"], Scores = [1, 2, 3, null], Models = ["m0", "m1", "m2", "m3"] };
        RankedExample exact = Deduplication.DistinctCandidates(row);
        Assert.Equal(["a b", "c", "A b"], exact.Outputs);
        Assert.Equal([1, 2, 3], exact.Scores);
        RankedExample normal = Deduplication.DistinctCandidates(row, DuplicateMatch.Normalized);
        Assert.Equal(["m1", "m2"], normal.Models);
        Assert.Same(exact, Deduplication.DistinctCandidates(exact));
    }

    [Fact]
    public void FindOrAdd_ManyTexts_ComparesFew()
    {
        // 5,000 texts of 12 words: 12.5 million pairs.
        var rng = new Rng(8);
        var seen = new TextDuplicates(DuplicateMatch.Near);
        for (int i = 0; i < 5000; i++)
            seen.FindOrAdd(string.Join(' ', Enumerable.Range(0, 12).Select(_ => "word" + rng.Next(5000))));
        Assert.InRange(seen.Comparisons, 1, 250_000);
    }

    private static RankedExample Row(string id, string instruction) => new() { Id = id, Instruction = instruction, Outputs = ["o"] };
}
