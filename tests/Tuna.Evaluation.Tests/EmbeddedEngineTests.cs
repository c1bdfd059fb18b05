using Tuna.Evaluation.Measures;
using Tuna.Evaluation.NaturalInstructions;
using Tuna.Evaluation.Predictions;
using Tuna.Evaluation.Similarity;
using Tuna.Llama.Managed;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Data.Groups;

namespace Tuna.Evaluation.Tests;

/// <summary>The evaluations on a real engine with a tiny random model: from the data folder to the score.</summary>
public sealed class EmbeddedEngineTests : IDisposable
{
    private readonly ManagedLlama _model =
        ManagedLlama.Load(GoldenData.FilePath("models", "llama1_mha"), new ManagedLlamaOptions { Threads = 1 });
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Score_FromFolderToReport_ResumesToTheSameNumbers()
    {
        _folder.Write("splits/default/test_tasks.txt", "t1\n");
        _folder.Write("tasks/t1.json", """
            {"Categories": ["Word Analogy"], "Definition": ["Answer"], "Positive Examples": [{"input": "a", "output": "b"}],
             "Instances": [{"id": "1", "input": "x", "output": ["yes"]}, {"id": "2", "input": "y", "output": ["no"]},
             {"id": "3", "input": "z", "output": ["so"]}]}
            """);
        SuperNaturalInstructions benchmark = SuperNaturalInstructions.Load(_folder.Path);
        EvaluationPrompt[] prompts =
            [.. benchmark.Prompts(NaturalPromptSettings.TwoShot with { MaxNewTokens = 6 }, new ModelSourceTokens(ByteTokenizer.Instance))];
        var runner = new PredictionRunner(_model, ByteTokenizer.Instance, new PredictionRunnerOptions { BatchSize = 2 });
        PredictionSet whole = runner.Run(prompts, _folder.File("whole.jsonl"));
        runner.Run(prompts[..1], _folder.File("cut.jsonl"));
        PredictionSet resumed = runner.Run(prompts, _folder.File("cut.jsonl")); // other batches than before
        Assert.Equal(whole.All.OrderBy(p => p.Id), resumed.All.OrderBy(p => p.Id));
        NaturalReport report = benchmark.Score(PredictionSet.Load(_folder.File("cut.jsonl")), "tiny");
        Assert.Equal(benchmark.Score(whole, "tiny").Overall, report.Overall);
        Assert.Equal(3, report.Overall.Instances);
        Assert.Empty(report.Issues);
    }

    [Fact]
    public void BertScore_EveryLayer_IsOneForEqualTextsAndBelowForOthers()
    {
        for (int layer = 0; layer <= _model.Info.LayerCount; layer++)
        {
            var scorer = new BertScore(_model, ByteTokenizer.Instance, new BertScoreOptions { Layer = layer });
            Assert.Equal(1, scorer.Score("the same text", "the same text").F1, 1e-5); // single precision
            BertScoreResult other = scorer.Score("quite another", "the same text");
            Assert.InRange(other.F1, -1, 0.9999);
            BertScoreResult back = scorer.Score("the same text", "quite another");
            Assert.Equal(other.Precision, back.Recall, 1e-6);
        }
    }

    [Fact]
    public void HeldOutNll_References_IsThePolicysOwnScore()
    {
        TokenGroup[] groups = [.. new[] { "short", "a longer one" }.Select((text, i) =>
            new TokenGroup($"{i}", new[] { 1, 40 }, [], default, ByteTokenizer.Instance.Encode(text)))];
        double[] logProbs = new double[2];
        _model.Score(groups, logProbs);
        HeldOutNll nll = HeldOutNll.Of(_model, groups);
        Assert.Equal(-logProbs.Sum(), nll.Sum, 1e-6);
        Assert.Equal(-((logProbs[0] / 5) + (logProbs[1] / 12)) / 2, nll.PerResponse, 1e-7);
        Assert.InRange(nll.Perplexity, 1, 1e6);
    }
}
