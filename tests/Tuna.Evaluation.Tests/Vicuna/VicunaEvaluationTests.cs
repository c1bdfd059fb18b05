using Microsoft.Extensions.AI;
using Tuna.Chat;
using Tuna.Chat.Journaling;
using Tuna.Chat.Limits;
using Tuna.Chat.Resilience;
using Tuna.Evaluation.Vicuna;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.Vicuna;

public sealed class VicunaEvaluationTests : IDisposable
{
    private static readonly VicunaQuestion[] s_questions =
        [new("1", "generic", "How?"), new("2", "generic", "Why?"), new("3", "math", "1 + 1?"), new("4", "writing", "Write."),
            new("5", "writing", "Write more.")];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task RunAsync_BothOrders_WinOnlyIfBothAgree()
    {
        using var judge = new FakeJudge(messages => LongerOrFirst(messages[1].Text));
        using IChatClient client = Pipeline(judge, null);
        VicunaReport report = await Evaluate(client, new VerdictProtocol(), Answers("m", "long answer", "x", "2, surely", "same", "ok"),
            Answers("base", "short", "longer", "3", "size", "ko"));
        // equal lengths: the first shown wins, so the orders disagree
        Assert.Equal((2, 1, 2, 0), (report.Overall.Wins, report.Overall.Losses, report.Overall.Ties, report.Overall.Errors));
        Assert.Equal(0.6, report.Overall.AdjustedWinRate);
        Assert.InRange(report.Overall.Interval!.Value.Low, 0, 0.6);
        Assert.InRange(report.Overall.Interval.Value.High, 0.6, 1);
        Assert.Equal(["generic", "math", "writing"], report.Categories.Select(c => c.Name));
        Assert.Equal((10, 1000L, 100L, 0.0034m),
            (report.Usage.Calls, report.Usage.InputTokens, report.Usage.OutputTokens, report.Usage.Cost));
        Assert.Contains("official reader", report.Protocol, StringComparison.Ordinal);
        Assert.Empty(report.Issues);
    }

    [Fact]
    public async Task RunAsync_TwoScores_CompareThem()
    {
        using var judge = new FakeJudge(messages => messages[1].Text.Contains("1 + 1?", StringComparison.Ordinal)
            ? "Both are fine.\n(9, 8)" : "7 8.5\nBecause.");
        VicunaReport strict = await Evaluate(judge, new ScoreProtocol(), Answers("m", "a", "b", "c", "d", "e"),
            Answers("base", "a", "b", "c", "d", "e"));
        // the tuple that the prompt asks for is not understood
        Assert.Equal((0, 4, 1), (strict.Overall.Wins, strict.Overall.Losses, strict.Overall.Errors));
        Assert.Contains("question '3'", Assert.Single(strict.Issues), StringComparison.Ordinal);
        VicunaReport lenient = await Evaluate(judge, new ScoreProtocol(lenient: true), Answers("m", "a", "b", "c", "d", "e"),
            Answers("base", "a", "b", "c", "d", "e"));
        Assert.Equal((1, 4, 0), (lenient.Overall.Wins, lenient.Overall.Losses, lenient.Overall.Errors));
        Assert.Contains("lenient reader", lenient.Protocol, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_Interrupted_ResumesFromTheJournal()
    {
        string path = _folder.File("calls.jsonl");
        using var cancellation = new CancellationTokenSource();
        int calls = 0;
        using var first = new FakeJudge(messages => ++calls == 5 ? Cancel(cancellation) : LongerOrFirst(messages[1].Text));
        VicunaAnswers m = Answers("m", "long answer", "x", "2, surely", "same", "ok"),
            b = Answers("base", "short", "longer", "3", "size", "ko");
        using (CallJournal journal = CallJournal.Open(path))
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
                Evaluate(Pipeline(first, journal), new VerdictProtocol(), m, b, cancellation.Token));
        Assert.Equal(5, first.Calls);

        using var second = new FakeJudge(messages => LongerOrFirst(messages[1].Text));
        using (CallJournal journal = CallJournal.Open(path))
        {
            VicunaReport report = await Evaluate(Pipeline(second, journal), new VerdictProtocol(), m, b);
            Assert.Equal(10 - 4, second.Calls); // the fifth call of the first run was cut off before its reply
            Assert.Equal((2, 1, 2, 0), (report.Overall.Wins, report.Overall.Losses, report.Overall.Ties, report.Overall.Errors));
        }
    }

    [Fact]
    public async Task RunAsync_JudgeThatNeverAnswers_IsNamedAndTheRestIsJudged()
    {
        using var judge = new FakeJudge(messages => messages[1].Text.Contains("Why?", StringComparison.Ordinal)
            ? throw new HttpRequestException("gone") : "[[A]]");
        VicunaReport report = await Evaluate(Pipeline(judge, null), new VerdictProtocol(), Answers("m", "a", "b", "c", "d", "e"),
            Answers("base", "a", "b", "c", "d", "e"));
        Assert.Equal((4, 1), (report.Overall.Ties, report.Overall.Errors));
        Assert.Contains("question '2': the judge did not answer", Assert.Single(report.Issues), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunAsync_RefusedKey_StopsAsking()
    {
        using var judge = new FakeJudge(_ => throw new HttpRequestException("no", null, System.Net.HttpStatusCode.Unauthorized));
        VicunaReport report = await Evaluate(Pipeline(judge, null), new VerdictProtocol(), Answers("m", "a", "b", "c", "d", "e"),
            Answers("base", "a", "b", "c", "d", "e"));
        Assert.Equal(1, judge.Calls);
        Assert.Equal(5, report.Overall.Errors);
        Assert.Null(report.Overall.Interval);
        Assert.Equal(4, report.Issues.Count(issue => issue.Contains("not tried", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task RunAsync_MissingAnswersAndReferences_AreNamed()
    {
        using var judge = new FakeJudge(_ => "[[C]]");
        var m = new VicunaAnswers("m", new Dictionary<string, string> { ["1"] = "a", ["3"] = "b", ["9"] = "c" });
        VicunaReport report = await new VicunaEvaluation(judge, new VerdictProtocol())
            .RunAsync(s_questions, m, Answers("base", "a", "b", "c", "d", "e"));
        Assert.Equal("1", Assert.Single(report.Judgments).QuestionId);
        Assert.Equal(5, report.Issues.Count);
        Assert.Contains(report.Issues, issue => issue.Contains("m, id '9': there is no such question", StringComparison.Ordinal));
        Assert.Contains(report.Issues,
            issue => issue.Contains("question '3': category 'math' is judged with a reference", StringComparison.Ordinal));
        Assert.Contains(report.Issues, issue => issue.Contains("question '2': m has no answer", StringComparison.Ordinal));
    }

    [Fact]
    public void Load_QuestionsAndAnswers_TakeEveryForm()
    {
        string questions = _folder.Write("q.jsonl", """
            {"question_id": 1, "category": "math", "turns": ["1 + 1?"]}
            {"question_id": 2, "category": "generic", "text": "How?"}
            {"question_id": 2, "category": "generic", "text": "Again?"}
            {"question_id": 3, "category": "generic"}
            """);
        var issues = new List<string>();
        Assert.Equal([new("1", "math", "1 + 1?"), new("2", "generic", "How?")], VicunaQuestion.Load(questions, issues));
        Assert.Equal(2, issues.Count);
        Assert.Contains("line 3", issues[0], StringComparison.Ordinal);
        Assert.Contains("line 4, id '3'", issues[1], StringComparison.Ordinal);
        string answers = _folder.Write("a.jsonl", """
            {"question_id": 1, "choices": [{"index": 0, "turns": ["2"]}]}
            {"question_id": 2, "text": "So."}
            {"id": "3", "prediction": "Thus."}
            {"question_id": 4, "choices": []}
            """);
        VicunaAnswers loaded = VicunaAnswers.Load("m", answers);
        Assert.Equal(["2", "So.", "Thus."], loaded.ById.OrderBy(a => a.Key).Select(a => a.Value));
        Assert.Contains("line 4, id '4', key 'choices'", Assert.Single(loaded.Issues), StringComparison.Ordinal);
    }

    private static Task<VicunaReport> Evaluate(IChatClient judge, VicunaProtocol protocol, VicunaAnswers m, VicunaAnswers b,
        CancellationToken cancellationToken = default) =>
        new VicunaEvaluation(judge, protocol, new VicunaOptions { MaxParallelMatches = 1 })
            .RunAsync(s_questions, m, b, Answers("reference", "r", "r", "2", "r", "r"), cancellationToken: cancellationToken);

    private static IChatClient Pipeline(IChatClient client, CallJournal? journal) =>
        client.AsBuilder().UseCallPipeline(
            new CallPipelineOptions { Journal = journal, Budget = new CallBudget(prices: new TokenPrices(3, 4)),
            Resilience = new ResilienceOptions { MaxRetries = 1, BaseDelay = TimeSpan.Zero } }).Build();

    private static VicunaAnswers Answers(string model, params string[] answers) =>
        new(model, answers.Select((text, i) => (Id: s_questions[i].Id, text)).ToDictionary(a => a.Id, a => a.text));

    private static string LongerOrFirst(string prompt)
    {
        int Length(string name) => prompt.Split($"[The Start of Assistant {name}'s Answer]\n")[1].Split("\n[The End")[0].Length;
        return Length("A") >= Length("B") ? "I prefer [[A]]" : "I prefer [[B]]";
    }

    private static string Cancel(CancellationTokenSource source)
    {
        source.Cancel();
        throw new OperationCanceledException(source.Token);
    }
}
