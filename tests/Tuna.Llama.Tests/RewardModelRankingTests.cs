using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Data;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Rankers.RewardModels;
using Tuna.Ranking;
using Tuna.Testing;
using Tuna.Data.Groups;
using Tuna.Training;

namespace Tuna.Llama.Tests;

/// <summary>From rows that a judge ranked to a ranker that stands in for it, with the TorchSharp reward model.</summary>
public class RewardModelRankingTests
{
    private static readonly LlamaConfig Config = Tiny.WithoutBiases
        with { VocabularySize = ByteTokenizer.Instance.VocabularySize, ContextLength = 512, InitializerRange = 0.05 };

    /// <summary>The judge prefers the answer that ends in "!", whatever its length.</summary>
    private static RankedExample Row(int i) => new()
    {
        Id = $"row {i}",
        Instruction = $"Say {i}",
        Outputs = i % 2 == 0 ? [$"Yes {i} and more!", $"No {i}?"] : [$"{i}!", $"No {i}, and much longer?"],
        Scores = [1, 0],
    };

    [Fact]
    public async Task RankingTrainer_OnJudgedRows_MakesARankerThatBothEnginesRun()
    {
        using var folder = new TempFolder();
        var tokenizer = new GroupTokenizer(ByteTokenizer.Instance, options: new()
        {
            MaxLength = 512,
            Reference = ReferenceSource.None,
            MinCandidates = 2,
        });
        List<TokenGroup> groups = [.. tokenizer.Tokenize(Enumerable.Range(10, 48).Select(Row))];
        string saved = Directory.CreateDirectory(folder["prm"]).FullName;
        using (LlamaRewardModel model = LlamaRewardModel.Create(Config, new() { Seed = 3 }))
        {
            var options = new TrainerOptions
            {
                RunFolder = folder["run"],
                Epochs = 4,
                GroupsPerMicroBatch = 4,
                MicroBatchesPerStep = 1,
                LearningRate = 5e-3,
            };
            TrainingResult result = new RankingTrainer(model, new PairwiseLogisticLoss(), options).Train(groups);
            Assert.True(result.FinalLoss < 0.3 * result.History[0].Loss, $"{result.History[0].Loss} to {result.FinalLoss}");
            Assert.Equal(1, result.History[^1].PairAccuracy);
            Assert.IsNotAssignableFrom<IPolicyModel>(model);
            model.SaveModel(saved);
        }

        using LlamaRewardModel torchModel = LlamaRewardModel.Load(saved, new() { Trainable = false });
        using var managedModel = Managed.ManagedRewardModel.Load(saved);
        foreach (IResponseScorer model in new IResponseScorer[] { torchModel, managedModel })
        {
            using var ranker = new RewardModelRanker(model, ByteTokenizer.Instance);
            for (int i = 60; i < 70; i++)
            {
                RankedExample row = Row(i);
                // Worse first, so that the given order is not the answer.
                RankingResult ranking = await ranker.RankAsync(
                    new RankingRequest(row.Id, row.Instruction, null, [new(row.Outputs[1]), new(row.Outputs[0])]));
                Assert.Equal([1, 0], ranking.Order);
            }
        }
    }
}
