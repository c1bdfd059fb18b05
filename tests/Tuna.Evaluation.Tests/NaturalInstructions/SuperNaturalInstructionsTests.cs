using Tuna.Data;
using Tuna.Evaluation.NaturalInstructions;
using Tuna.Evaluation.Predictions;
using Tuna.Data.Prompts;
using Tuna.Data.Groups;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.NaturalInstructions;

public sealed class SuperNaturalInstructionsTests : IDisposable
{
    private const string Task = """
        {"Categories": ["Word Analogy"], "Definition": ["Say yes"],
         "Positive Examples": [{"input": "a", "output": "b", "explanation": "c"}],
         "Negative Examples": [],
         "Instances": [{"id": "i1", "input": "x?", "output": ["yes"]}, {"id": "i2", "input": "y", "output": ["no", "Never ever"]}]}
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Score_TwoTasks_MeansAreOverInstances()
    {
        Split("t1", "t2");
        _folder.Write("tasks/t1.json", Task);
        // the older layout
        _folder.Write("tasks/t2.json",
            """{"Categories": "Word Analogy", "Definition": "Say no", "Instances": [{"id": "j1", "input": "x", "output": "yes"}]}""");
        SuperNaturalInstructions benchmark = SuperNaturalInstructions.Load(_folder.Path);
        NaturalReport report = benchmark.Score(new PredictionSet([new("i1", "Yes."), new("i2", "never"), new("j1", "no")]), "m");
        Assert.Empty(report.Issues);
        Assert.Equal(3, report.Overall.Instances);
        Assert.Equal(33.3333, report.Overall.ExactMatch);
        Assert.Equal(55.5556, report.Overall.RougeL); // 1, 2/3 (one of one word, one of two) and 0
        Assert.Equal(83.3333, report.Tasks[0].RougeL);
        Assert.Equal(3, Assert.Single(report.Categories).Instances);
    }

    [Fact]
    public void Prompts_TwoShotInAlpacaForm_WrapTheWholePrompt()
    {
        Split("t1");
        _folder.Write("tasks/t1.json", Task);
        SuperNaturalInstructions benchmark = SuperNaturalInstructions.Load(_folder.Path);
        EvaluationPrompt prompt =
            benchmark.Prompts(NaturalPromptSettings.TwoShot, new ModelSourceTokens(ByteTokenizer.Instance), AlpacaPromptTemplate.Instance)
            .First();
        const string Plain =
            "Definition: Say yes.\n\n Positive Example 1 -\nInput: a.\n Output: b.\n\nNow complete the following example -\nInput: "
            + "x?\nOutput: ";
        Assert.Equal(AlpacaPromptTemplate.Instance.Format(Plain), prompt.Text);
        Assert.Equal(128, prompt.MaxNewTokens);
        Assert.Equal(Plain, benchmark.Prompts(NaturalPromptSettings.TwoShot).First().Text);
    }

    [Fact]
    public void Prompts_LongText_LosesExamplesThenItsEnd()
    {
        Split("t1");
        _folder.Write("tasks/t1.json", Task);
        SuperNaturalInstructions benchmark = SuperNaturalInstructions.Load(_folder.Path);
        var tokens = new ModelSourceTokens(ByteTokenizer.Instance);
        int whole = 1 + benchmark.Prompts(NaturalPromptSettings.ZeroShot).First().Text.Length; // the begin token counts
        Assert.Equal(benchmark.Prompts(NaturalPromptSettings.ZeroShot).First(),
            benchmark.Prompts(NaturalPromptSettings.TwoShot with { MaxSourceTokens = whole }, tokens).First());
        Assert.EndsWith("Output:", benchmark.Prompts(NaturalPromptSettings.TwoShot with { MaxSourceTokens = whole - 1 }, tokens)
            .First().Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_BadTasks_AreNamedAndTheRestIsUsed()
    {
        Split("good", "empty", "broken", "absent", "good");
        _folder.Write("tasks/good.json", Task.Replace("\"i2\"", "\"i1\"", StringComparison.Ordinal));
        _folder.Write("tasks/empty.json", Task.Split("[{\"id\"")[0] + "[]}");
        _folder.Write("tasks/broken.json", "{\n\"Instances\": [}");
        SuperNaturalInstructions benchmark = SuperNaturalInstructions.Load(_folder.Path);
        Assert.Single(Assert.Single(benchmark.Tasks).Instances);
        Assert.Contains(benchmark.Issues, issue => issue.Contains("'good' stands there 2 times", StringComparison.Ordinal));
        Assert.Contains(benchmark.Issues, issue => issue.Contains("have no file: absent", StringComparison.Ordinal));
        Assert.Contains(benchmark.Issues,
            issue => issue.Contains("good.json, id 'i1', key 'Instances': instance 1 repeats", StringComparison.Ordinal));
        Assert.Contains(benchmark.Issues,
            issue => issue.Contains("empty.json, key 'Instances': the task has no instance", StringComparison.Ordinal));
        Assert.Contains(benchmark.Issues, issue => issue.Contains("broken.json: not valid JSON (line 2", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{\"input\": \"x\", \"output\": [\"y\"]}", "instance 0 has no id")]
    [InlineData("{\"id\": \"a\", \"input\": \"x\", \"output\": []}", "id 'a', key 'output': instance 0 has no reference")]
    [InlineData("{\"id\": \"a\", \"output\": [\"y\"]}", "id 'a', key 'input'")]
    [InlineData("3", "instance 0 has no id")]
    public void Load_BadInstance_IsNamed(string instance, string expected)
    {
        Split("t1");
        _folder.Write("tasks/t1.json", Task.Replace("[{\"id\": \"i1\"", $"[{instance}, {{\"id\": \"i1\"", StringComparison.Ordinal));
        SuperNaturalInstructions benchmark = SuperNaturalInstructions.Load(_folder.Path);
        Assert.Equal(2, benchmark.Tasks[0].Instances.Count);
        Assert.Contains(expected, Assert.Single(benchmark.Issues), StringComparison.Ordinal);
    }

    [Fact]
    public void Load_NothingUsable_Throws()
    {
        Assert.Contains("test_tasks.txt", Assert.Throws<DataFormatException>(() => SuperNaturalInstructions.Load(_folder.Path)).Message,
            StringComparison.Ordinal);
        Split("absent");
        Assert.Contains("absent", Assert.Throws<DataFormatException>(() => SuperNaturalInstructions.Load(_folder.Path)).Message,
            StringComparison.Ordinal);
    }

    private void Split(params string[] tasks) => _folder.Write("splits/default/test_tasks.txt", string.Join('\n', tasks) + "\n");
}
