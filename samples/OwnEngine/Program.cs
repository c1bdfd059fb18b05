// An engine of one's own: derive from PolicyBase and write what ends in Core. This one is the smallest reward model there is; the trainer,
// the losses, the rankers and the evaluation take it as they take a LLaMA's. A policy implements ITrainablePolicy besides: it samples, too.
using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Training;

IEnumerable<RankedExample> rows = Enumerable.Range(1, 24).Select(i => new RankedExample
{
    Id = $"row {i}",
    Instruction = $"Greet guest {i}.",
    Outputs = ["Good day!", "hey", "#!?"],
    Scores = [3, 2, 1],
});
TokenGroup[] groups = [.. new GroupTokenizer(ByteTokenizer.Instance).Tokenize(rows)];

using var model = new TokenRewards(ByteTokenizer.Instance.VocabularySize);
var trainer = new RankingTrainer(model, new PairwiseLogisticLoss(), new TrainerOptions
{
    Epochs = 10,
    MicroBatchesPerStep = 6,
    LearningRate = 0.05,
});
TrainingResult result = trainer.Train(groups);
Console.WriteLine(
    $"loss {result.History[0].Loss:0.0000} -> {result.FinalLoss:0.0000}, pairs in order {result.History[0].PairAccuracy:P0} -> "
    + $"{result.History[^1].PairAccuracy:P0}");
