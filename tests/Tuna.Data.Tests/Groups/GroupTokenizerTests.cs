using FsCheck;
using FsCheck.Fluent;
using Tuna.Data;
using Tuna.Policies;
using Tuna.Data.Prompts;
using Tuna.Data.Groups;

namespace Tuna.Data.Tests.Groups;

public class GroupTokenizerTests
{
    private static readonly IPromptTemplate Bare = new DelegatePromptTemplate((instruction, input) => instruction + input);

    private static readonly RankedExample Row = new()
    {
        Id = "r1", Instruction = "abc", Outputs = ["worst", "best", "tie 1", "tie 2"], Scores = [-1, 9, 3, 3], Reference = "ref",
    };

    [Fact]
    public void Tokenize_RankedRow_OrdersBestFirstStablyWithReferenceLast()
    {
        TokenGroup group = Make(new()).Tokenize(Row).Group!;
        Assert.Equal(["best", "tie 1", "tie 2", "worst", "ref"], group.Responses.Select(Text));
        Assert.Equal([9, 3, 3, -1], group.Scores.ToArray());
        Assert.True(group.HasReference);
        Assert.Equal(4, group.CandidateCount);
        Assert.Equal("r1", group.Id);
    }

    [Fact]
    public void Tokenize_AnyTexts_BoundaryIsExact()
    {
        Arbitrary<string> texts = ArbMap.Default.ArbFor<string>().Filter(s => s is not null);
        Prop.ForAll(texts, texts, (prompt, response) =>
        {
            ByteTokenizer bytes = ByteTokenizer.Instance;
            TokenGroup group = new GroupTokenizer(bytes, Bare, new() { MaxLength = 1 << 20 })
                .Tokenize(new RankedExample { Id = "x", Instruction = prompt, Outputs = [response], Scores = [1] }).Group!;
            return group.Prompt.Span.SequenceEqual([1, .. bytes.Encode(prompt)])
                && group.Responses[0].Span.SequenceEqual([.. bytes.Encode(response), 2]);
        }).Check(Config.QuickThrowOnFailure.WithReplay(1, 1));
    }

    [Fact]
    public void Tokenize_EmptyResponse_IsTheEndTokenAlone()
    {
        TokenGroup group = Make(new()).Tokenize(Row with { Outputs = ["", "", "", ""] }).Group!;
        Assert.All(group.Responses.Take(4), r => Assert.Equal([2], r.ToArray()));
    }

    [Fact]
    public void Tokenize_OverlongCandidateDropped_ReportsIdAndNumbers()
    {
        // 4 prompt tokens (begin, a, b, c), so 5 remain: "worst" + end is 6.
        TokenizedExample result = Make(new() { MaxLength = 9 }).Tokenize(Row with { Outputs = ["worst", "best", "ti", "ti"] });
        Assert.Equal(["best", "ti", "ti", "ref"], result.Group!.Responses.Select(Text));
        TokenizationIssue issue = Assert.Single(result.Issues);
        Assert.Equal((TokenizationIssueKind.CandidateDropped, 0, 6, 5), (issue.Kind, issue.Candidate, issue.Tokens, issue.Limit));
        Assert.Equal("Row 'r1': candidate 0 has 6 tokens; 5 fit after a prompt of 4: left out.", issue.Message);
    }

    [Fact]
    public void Tokenize_OverlongCandidateTruncated_HasNoEndToken()
    {
        TokenizedExample result = Make(new() { MaxResponseLength = 3, Overlong = OverlongResponse.Truncate })
            .Tokenize(Row with { Outputs = ["worst", "be", "tie", "t"] });
        Assert.Equal([.. ByteTokenizer.Instance.Encode("be"), 2], result.Group!.Responses[0].ToArray());
        Assert.Equal(ByteTokenizer.Instance.Encode("tie"), result.Group.Responses[1].ToArray()); // exactly the budget, its end token lost
        Assert.Equal(ByteTokenizer.Instance.Encode("wor"), result.Group.Responses[3].ToArray());
        Assert.Equal(ByteTokenizer.Instance.Encode("ref"), result.Group.Responses[4].ToArray());
        Assert.Equal([TokenizationIssueKind.CandidateTruncated, TokenizationIssueKind.CandidateTruncated,
            TokenizationIssueKind.ReferenceTruncated], result.Issues.Select(i => i.Kind));
    }

    [Fact]
    public void Tokenize_OverlongRejects_NoGroup()
    {
        TokenizedExample result = Make(new() { MaxResponseLength = 5, Overlong = OverlongResponse.RejectRow }).Tokenize(Row);
        Assert.Null(result.Group);
        Assert.Contains(result.Issues, i => i.Kind == TokenizationIssueKind.RowRejected && i.Candidate == 0);
    }

    [Theory]
    [InlineData(5, true)] // one token is left for the response
    [InlineData(4, false)]
    [InlineData(3, false)]
    public void Tokenize_PromptNearTheLimit_IsRejectedWithoutRoom(int maxLength, bool fits)
    {
        TokenizedExample result = Make(new() { MaxLength = maxLength }).Tokenize(Row with { Outputs = ["", "", "", ""], Reference = null });
        Assert.Equal(fits, result.Group is not null);
        if (!fits)
        {
            TokenizationIssue issue = Assert.Single(result.Issues);
            Assert.Equal((TokenizationIssueKind.PromptTooLong, 4, maxLength - 1), (issue.Kind, issue.Tokens, issue.Limit));
            Assert.Contains("'r1'", issue.Message);
        }
    }

    [Fact]
    public void Tokenize_MissingScores_FollowThePolicy()
    {
        RankedExample row = Row with { Scores = [null, 9, 3, null] };
        Assert.Equal(["best", "tie 1", "ref"], Make(new()).Tokenize(row).Group!.Responses.Select(Text));
        TokenGroup tied = Make(new() { MissingScores = MissingScore.TieWithWorst }).Tokenize(row).Group!;
        Assert.Equal(["best", "tie 1", "worst", "tie 2", "ref"], tied.Responses.Select(Text));
        Assert.Equal([9, 3, 3, 3], tied.Scores.ToArray());
        Assert.Null(Make(new() { MissingScores = MissingScore.RejectRow }).Tokenize(row).Group);
        Assert.Null(Make(new()).Tokenize(row with { Scores = [] }).Group); // not ranked at all
    }

    [Fact]
    public void Tokenize_OldPolicy_KeepsLogProbsWithTheirCandidates_AndLeavesOutWhatTheyAreNotOf()
    {
        RankedExample row = Row with { LogProbs = [-6, -5, -4, -3], TokenCounts = [6, 5, 6, 6] };
        Assert.Equal([-5, -4, -3, -6], Make(new() { OldPolicy = true }).Tokenize(row).Group!.OldPolicyLogProbs.ToArray());
        Assert.True(Make(new()).Tokenize(row).Group!.OldPolicyLogProbs.IsEmpty);

        // One was never drawn, one was cut where it had no end token when it was drawn.
        TokenizedExample left = Make(new() { OldPolicy = true })
            .Tokenize(row with { LogProbs = [-6, null, -4, -3], TokenCounts = [6, 5, 5, 6] });
        Assert.Equal(["tie 2", "worst", "ref"], left.Group!.Responses.Select(Text));
        Assert.Equal([-3, -6], left.Group.OldPolicyLogProbs.ToArray());
        Assert.Equal([1, 2], left.Issues.Select(i => i.Candidate!.Value).Order());
        Assert.All(left.Issues, i => Assert.Equal(TokenizationIssueKind.LogProbMissing, i.Kind));
        Assert.Contains("candidate 2 has 6 tokens here, its log-probability is that of 5",
            left.Issues.Single(i => i.Candidate == 2).Message, StringComparison.Ordinal);
        Assert.Equal(4, Make(new() { OldPolicy = true }).Tokenize(Row).Issues.Count(i => i.Kind == TokenizationIssueKind.LogProbMissing));
    }

    [Fact]
    public void Tokenize_DuplicateDropped_KeepsTheBetter()
    {
        TokenizedExample result = Make(new() { Duplicates = DuplicateCandidate.Drop })
            .Tokenize(Row with { Outputs = ["same", "other", "same", "x"] });
        Assert.Equal(["other", "same", "x", "ref"], result.Group!.Responses.Select(Text));
        Assert.Equal([9, 3, 3], result.Group.Scores.ToArray());
        Assert.Equal(0, Assert.Single(result.Issues).Candidate);
    }

    [Fact]
    public void Tokenize_ReferenceSource_IsFollowed()
    {
        Assert.False(Make(new() { Reference = ReferenceSource.None }).Tokenize(Row).Group!.HasReference);
        Assert.False(Make(new()).Tokenize(Row with { Reference = null }).Group!.HasReference);
        Assert.Equal("best", Text(Make(new() { Reference = ReferenceSource.GivenOrBest })
            .Tokenize(Row with { Reference = null }).Group!.Responses[^1]));
        TokenizedExample nothingFits = Make(new() { Reference = ReferenceSource.GivenOrBest, MaxResponseLength = 1 })
            .Tokenize(Row with { Reference = null });
        Assert.Null(nothingFits.Group);
        Assert.Equal(TokenizationIssueKind.TooFewCandidates, nothingFits.Issues[^1].Kind);
    }

    [Fact]
    public void Tokenize_ReferenceThatDoesNotFit_IsReplacedOrRejectsTheRow_AsAsked()
    {
        RankedExample row = Row with { Reference = new string('r', 50) };
        GroupTokenizerOptions options = new() { MaxResponseLength = 20 };

        Assert.Equal("best", Text(Make(options with { Reference = ReferenceSource.GivenOrBest }).Tokenize(row).Group!.Responses[^1]));
        TokenizedExample rejected = Make(options with { Reference = ReferenceSource.Required }).Tokenize(row);
        Assert.Null(rejected.Group);
        Assert.Equal([TokenizationIssueKind.ReferenceDropped, TokenizationIssueKind.ReferenceMissing],
            rejected.Issues.Select(i => i.Kind).TakeLast(2));
        Assert.Null(Make(options with { Reference = ReferenceSource.Required }).Tokenize(Row with { Reference = null }).Group);
        Assert.True(Make(options with { Reference = ReferenceSource.Required }).Tokenize(Row).Group!.HasReference);
    }

    /// <summary>One row with a template's own marker used to end the whole run without a name.</summary>
    [Fact]
    public void Tokenize_RowThatTheTemplateRefuses_IsNamedAndLeftOut()
    {
        var template = new DelegatePromptTemplate((instruction, input) => instruction.Contains("[INST]", StringComparison.Ordinal)
            ? throw new ArgumentException("The instruction holds '[INST]'.", nameof(instruction))
            : instruction);
        var tokenizer = new GroupTokenizer(ByteTokenizer.Instance, template);
        var report = new TokenizationReport();

        List<TokenGroup> groups =
            [.. tokenizer.Tokenize([Row, Row with { Id = "r2", Instruction = "What does [INST] mean?" }, Row with { Id = "r3" }], report)];

        Assert.Equal(["r1", "r3"], groups.Select(g => g.Id));
        Assert.Equal("Row 'r2': The instruction holds '[INST]'. The row was rejected.",
            Assert.Single(report.Issues, i => i.Kind == TokenizationIssueKind.PromptRefused).Message);
        Assert.False(tokenizer.TryEncodePrompt("[INST]", null, out int[] prompt, out string? refusal));
        Assert.Equal("The instruction holds '[INST]'.", refusal);
        Assert.Empty(prompt);
        Assert.True(tokenizer.TryEncodePrompt("a", null, out prompt, out refusal));
        Assert.Equal((tokenizer.EncodePrompt("a").Length, null), (prompt.Length, refusal));
    }

    [Fact]
    public void Tokenize_InstructionRow_IsAReferenceAlone()
    {
        TokenGroup group = Make(new()).Tokenize(new InstructionExample { Instruction = "do ", Input = "it", Output = "done" }, "7").Group!;
        Assert.Equal((0, true, "7", "done"), (group.CandidateCount, group.HasReference, group.Id, Text(group.Responses[0])));
        Assert.Equal("do it", ByteTokenizer.Instance.Decode(group.Prompt.Span));
    }

    [Fact]
    public void Tokenize_ManyRows_ReportCounts()
    {
        var report = new TokenizationReport(keep: 1);
        RankedExample[] rows = [Row, Row with { Id = "r2", Instruction = new string('x', 600) },
            Row with { Id = "r3", Scores = [1, null, null, null] }];
        List<TokenGroup> groups = [.. Make(new()).Tokenize(rows, report)];
        Assert.Equal(["r1", "r3"], groups.Select(g => g.Id));
        Assert.Equal((3, 2, 1), (report.Rows, report.Groups, report.Rejected));
        Assert.Equal((1, 3), (report.Count(TokenizationIssueKind.PromptTooLong), report.Count(TokenizationIssueKind.ScoreMissing)));
        Assert.Single(report.Issues);
        Assert.Equal(groups.Sum(g => g.TokenCount), report.Tokens);
        Assert.Contains("3 rows: 2 groups, 1 rejected; 7 responses", report.ToString());
    }

    [Fact]
    public void Constructor_OptionOutOfRange_NamesIt()
    {
        Assert.Contains(nameof(GroupTokenizerOptions.MaxLength),
            Assert.Throws<ArgumentOutOfRangeException>(() => Make(new() { MaxLength = 1 })).Message);
        Assert.Contains(nameof(GroupTokenizerOptions.MaxResponseLength),
            Assert.Throws<ArgumentOutOfRangeException>(() => Make(new() { MaxResponseLength = 0 })).Message);
    }

    private static GroupTokenizer Make(GroupTokenizerOptions options) => new(ByteTokenizer.Instance, Bare, options);

    private static string Text(ReadOnlyMemory<int> ids) => ByteTokenizer.Instance.Decode(ids.Span);
}
