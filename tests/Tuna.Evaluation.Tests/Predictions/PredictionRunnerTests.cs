using Tuna.Data;
using Tuna.Evaluation.Predictions;
using Tuna.Evaluation.Vicuna;
using Tuna.Data.Groups;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.Predictions;

public sealed class PredictionRunnerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static EvaluationPrompt[] Prompts(int count) =>
        [.. Enumerable.Range(0, count).Select(i => new EvaluationPrompt($"p{i}", $"say {i}", 16))];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Run_AllPrompts_AreAnsweredAndWritten()
    {
        using var policy = new FakePolicy(prompt => prompt.ToUpperInvariant());
        PredictionSet made = new PredictionRunner(policy, ByteTokenizer.Instance).Run(Prompts(3), _folder.File("p.jsonl"));
        Assert.Equal("SAY 2", made.Find("p2")!.Text);
        Assert.Equal(6, made.Find("p2")!.TokenCount); // the stop token counts
        PredictionSet read = PredictionSet.Load(_folder.File("p.jsonl"));
        Assert.Empty(read.Issues);
        Assert.Equal(made.All.OrderBy(p => p.Id), read.All.OrderBy(p => p.Id));
    }

    [Fact]
    public void Run_Interrupted_ResumesToTheSameFile()
    {
        string whole = _folder.File("whole.jsonl"), cut = _folder.File("cut.jsonl");
        var options = new PredictionRunnerOptions { BatchSize = 2 };
        using var policy = new FakePolicy(prompt => prompt + "!");
        var runner = new PredictionRunner(policy, ByteTokenizer.Instance, options);
        runner.Run(Prompts(7), whole);

        using var cancellation = new CancellationTokenSource();
        int batches = 0;
        policy.BeforeSample = () =>
        {
            if (++batches == 3)
                cancellation.Cancel();
        };
        Assert.ThrowsAny<OperationCanceledException>(() => runner.Run(Prompts(7), cut, cancellationToken: cancellation.Token));
        Assert.Equal(4, File.ReadLines(cut).Count());
        File.AppendAllText(cut, "{\"id\": \"p4\", \"predic"); // and the process died while it wrote

        policy.BeforeSample = null;
        int before = policy.Asked;
        runner.Run(Prompts(7), cut);
        Assert.Equal(3, policy.Asked - before); // what was there is not asked again
        Assert.Equal(File.ReadAllText(whole), File.ReadAllText(cut));
    }

    /// <summary>A file that is given, as `tuna evaluate --predictions` takes it, was scored with the answer that a flipped bit had
    /// made.</summary>
    [Fact]
    public void Load_AnyByteOfALineChanged_NamesItAndUsesTheOthers()
    {
        string path = _folder.File("p.jsonl");
        using var policy = new FakePolicy(prompt => prompt);
        new PredictionRunner(policy, ByteTokenizer.Instance).Run(Prompts(3), path);
        byte[] whole = File.ReadAllBytes(path);
        int start = whole.AsSpan().IndexOf((byte)'\n') + 1, end = start + whole.AsSpan(start).IndexOf((byte)'\n');
        string given = _folder.File("given.jsonl");
        for (int at = start; at < end; at++)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 4;
            File.WriteAllBytes(given, damaged);
            PredictionSet read = PredictionSet.Load(given);
            Assert.True(read.Issues.Count == 1 && read.Count == 2, $"byte {at}: {read.Count} read; {string.Join(' ', read.Issues)}");
            Assert.Contains("given.jsonl, line 2", read.Issues[0], StringComparison.Ordinal);
        }

        File.WriteAllBytes(given, [.. whole, .. "{\"id\":\"other\",\"prediction\":\"checksum\"}\n"u8]); // of another program
        Assert.Equal((4, 0), (PredictionSet.Load(given).Count, PredictionSet.Load(given).Issues.Count));
        VicunaAnswers answers = VicunaAnswers.Load("m", given);
        Assert.Equal(4, answers.ById.Count);
        File.WriteAllText(given, File.ReadAllText(path).Replace("say 1", "say 7", StringComparison.Ordinal));
        answers = VicunaAnswers.Load("m", given);
        Assert.Equal(2, answers.ById.Count);
        Assert.Contains("checksum", Assert.Single(answers.Issues), StringComparison.Ordinal);
    }

    /// <summary>A file of predictions is a result as well as a journal: a flipped bit once changed an answer without a word.</summary>
    [Fact]
    public void Run_AnyLineDamaged_SaysSoAndAnswersItAgain()
    {
        string path = _folder.File("p.jsonl");
        using var policy = new FakePolicy(prompt => prompt + "!");
        var runner = new PredictionRunner(policy, ByteTokenizer.Instance);
        runner.Run(Prompts(5), path);
        string[] whole = File.ReadAllLines(path);
        File.WriteAllText(path, File.ReadAllText(path).Replace("say 3!", "say 9!", StringComparison.Ordinal));
        int before = policy.Asked;

        PredictionSet made = runner.Run(Prompts(5), path);

        Assert.Equal("say 3!", made.Find("p3")!.Text);
        Assert.Contains("line 4", Assert.Single(made.Issues), StringComparison.Ordinal);
        Assert.Equal(1, policy.Asked - before);
        Assert.Equal([.. whole[..3], whole[4], whole[3]], File.ReadAllLines(path));
        Assert.Empty(PredictionSet.Load(path).Issues);
    }

    [Fact]
    public void Run_FileOfAnEarlierVersion_IsGoneOnWith()
    {
        string path = _folder.File("p.jsonl");
        using var policy = new FakePolicy(prompt => prompt + "!");
        var runner = new PredictionRunner(policy, ByteTokenizer.Instance);
        runner.Run(Prompts(3), path);
        string[] old = [.. File.ReadAllLines(path)
            .Select(line => line[..line.LastIndexOf(",\"checksum\"", StringComparison.Ordinal)] + "}")];
        File.WriteAllLines(path, old[..2]);
        int before = policy.Asked;

        Assert.Equal(3, runner.Run(Prompts(3), path).All.Count);

        Assert.Equal(1, policy.Asked - before);
        Assert.Equal(old[..2], File.ReadAllLines(path)[..2]);
    }

    [Theory]
    [InlineData("prompt")]
    [InlineData("model")]
    [InlineData("temperature")]
    public void Run_OtherSettings_AreNotMixed(string change)
    {
        using var policy = new FakePolicy(prompt => "x");
        new PredictionRunner(policy, ByteTokenizer.Instance).Run(Prompts(2), _folder.File("p.jsonl"));
        EvaluationPrompt[] prompts = change == "prompt" ? [Prompts(1)[0] with { Text = "other" }, Prompts(2)[1]] : Prompts(2);
        var options = new PredictionRunnerOptions { ModelName = change == "model"
            ? "b" : "", Temperature = change == "temperature" ? 1 : 0 };
        var e = Assert.Throws<DataFormatException>(() => new PredictionRunner(policy, ByteTokenizer.Instance, options)
            .Run(prompts, _folder.File("p.jsonl")));
        Assert.Contains("'p0'", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_PromptWithoutRoom_IsNamedAndTheRestIsAnswered()
    {
        using var policy = new FakePolicy(prompt => "yes", contextLength: 10);
        PredictionSet made = new PredictionRunner(policy, ByteTokenizer.Instance)
            .Run([new("long", "ten bytes!", 5), new("short", "ok", 5)], _folder.File("p.jsonl"));
        Assert.Equal("yes", made.Find("short")!.Text);
        Assert.Null(made.Find("long"));
        Assert.Contains("id 'long'", Assert.Single(made.Issues), StringComparison.Ordinal);
    }

    [Fact]
    public void Run_RepeatedId_Throws()
    {
        using var policy = new FakePolicy(prompt => "x");
        Assert.Contains("'p0'", Assert.Throws<ArgumentException>(() => new PredictionRunner(policy, ByteTokenizer.Instance)
            .Run([.. Prompts(1), .. Prompts(2)], _folder.File("p.jsonl"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_BadRows_AreNamedWithTheirLines()
    {
        string path = _folder.Write("p.jsonl", """
            {"id": "a", "prediction": "1"}
            {"id": "b"}
            {"id": "a", "prediction": "2"}
            {"prediction": "x"}
            {"id": "c", "prediction": 3}
            {"id": 7, "prediction": "", "more": {"x": [1]}}
            """);
        PredictionSet set = PredictionSet.Load(path);
        Assert.Equal(["7", "a"], set.All.Select(p => p.Id).Order());
        Assert.Equal("1", set.Find("a")!.Text);
        Assert.Equal(["line 2", "line 3", "line 4", "line 5"], set.Issues.Select(issue => issue.Split(',')[1].Split(':')[0].Trim()));
    }
}
