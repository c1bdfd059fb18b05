using Tuna.Data;
using Tuna.Evaluation.LMentry;
using Tuna.Evaluation.Predictions;
using Tuna.Data.Prompts;
using Tuna.Testing;

namespace Tuna.Evaluation.Tests.LMentry;

public sealed class LMentryBenchmarkTests : IDisposable
{
    private const string FirstLetter = """
        {"settings": {"num_examples_per_template": 2, "input_templates": ["a", "b", "c"]},
         "examples": {
           "1": {"input": "First letter of \"viola\"?", "metadata": {"word": "viola", "answer": "v", "template_id": 0}},
           "2": {"input": "First letter of \"opal\"?", "metadata": {"word": "opal", "answer": "o", "template_id": 1}}}}
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Score_OneTask_CountsMissingAsWrong()
    {
        _folder.Write("first_letter.json", FirstLetter);
        LMentryBenchmark benchmark = LMentryBenchmark.Load(_folder.Path, ["first_letter"]);
        LMentryReport report = benchmark.Score(new PredictionSet([new("first_letter/1", "The letter \"v\".")]), "m");
        Assert.Equal(50.0, report.Tasks["first_letter"].Templates[0].Accuracy); // one of two promised examples
        Assert.Equal(16.67, report.Tasks["first_letter"].Overall.Accuracy); // one of six
        Assert.Null(report.Accuracy);
        Assert.Null(report.Score);
        Assert.Equal(40, report.MissingTasks.Count);
        Assert.Contains(report.Issues,
            issue => issue.Contains("1 of 2 instances have no prediction, the first being 'first_letter/2'", StringComparison.Ordinal));
    }

    [Fact]
    public void Prompts_WithTemplate_AreWrapped()
    {
        _folder.Write("first_letter.json", FirstLetter);
        LMentryBenchmark benchmark = LMentryBenchmark.Load(_folder.Path, ["first_letter"]);
        Assert.Equal(["first_letter/1", "first_letter/2"], benchmark.Prompts().Select(prompt => prompt.Id));
        Assert.Equal("First letter of \"viola\"?", benchmark.Prompts()[0].Text);
        Assert.Equal(AlpacaPromptTemplate.Instance.Format("First letter of \"viola\"?"),
            benchmark.Prompts(AlpacaPromptTemplate.Instance)[0].Text);
    }

    [Fact]
    public void Load_BadExamplesAndFiles_AreNamedAndTheRestIsUsed()
    {
        _folder.Write("first_letter.json", FirstLetter.Replace("\"template_id\": 1", "\"template_id\": 7", StringComparison.Ordinal));
        _folder.Write("last_letter.json", "{\"settings\": ");
        LMentryBenchmark benchmark = LMentryBenchmark.Load(_folder.Path, ["first_letter", "last_letter", "first_word"]);
        Assert.Equal("first_letter", Assert.Single(benchmark.Tasks).Name);
        Assert.Collection(
            benchmark.Issues.Order(StringComparer.Ordinal),
            issue => Assert.Contains("first_letter.json, id '2', key 'template_id'", issue, StringComparison.Ordinal),
            issue => Assert.Contains("first_word.json: there is no such file", issue, StringComparison.Ordinal),
            issue => Assert.Contains("last_letter.json: not valid JSON", issue, StringComparison.Ordinal));
    }

    [Fact]
    public void Score_BadMetadataAndUnknownIds_AreNamedAndTheRestIsScored()
    {
        _folder.Write("first_letter.json", FirstLetter.Replace("\"word\": \"opal\"", "\"word\": 3", StringComparison.Ordinal));
        LMentryReport report = LMentryBenchmark.Load(_folder.Path, ["first_letter"])
            .Score(new PredictionSet(
                [new("first_letter/1", "v"), new("first_letter/2", "o"), new("first_letter/9", "x"), new("first_letter/1", "w")],
                "p.jsonl"), "m");
        Assert.Equal(1, report.Tasks["first_letter"].Overall.Correct);
        Assert.Contains(report.Issues,
            issue => issue.Contains("p.jsonl, id 'first_letter/9': the benchmark has no such instance", StringComparison.Ordinal));
        Assert.Contains(report.Issues,
            issue => issue.Contains("id 'first_letter/1': there is more than one prediction", StringComparison.Ordinal));
        Assert.Contains(report.Issues, issue => issue.Contains("'first_letter', id '2', key 'word'", StringComparison.Ordinal));
    }

    [Fact]
    public void Load_NothingUsable_Throws()
    {
        Assert.Contains(_folder.Path, Assert.Throws<DataFormatException>(() => LMentryBenchmark.Load(_folder.Path)).Message,
            StringComparison.Ordinal);
        Assert.Contains("'frist_letter'",
            Assert.Throws<DataFormatException>(() => LMentryBenchmark.Load(_folder.Path, ["frist_letter"])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Score_UnparsablePattern_NamesTheExample()
    {
        var example = new LMentryExample("first_letter", "7", "?", 0,
            System.Text.Json.JsonDocument.Parse("""{"word": "a(b", "answer": "(" }""").RootElement);
        Assert.Contains("id '7'", Assert.Throws<DataFormatException>(() => LMentryTasks.ScorerOf(example)).Message,
            StringComparison.Ordinal);
    }
}
