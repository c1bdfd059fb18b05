// An engine of one's own: derive from PolicyBase and write what ends in Core. This one is a bigram model, p(next | previous) = softmax of a
// row of a table; the trainer, the losses, the rankers and the evaluation take it as they take a LLaMA.
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

using var policy = new OwnEngine.BigramPolicy(ByteTokenizer.Instance.VocabularySize);
var trainer = new RankingTrainer(policy, new MarginRankingLoss(margin: 0.1, lambda: 0), new TrainerOptions
{
    Epochs = 10,
    MicroBatchesPerStep = 6,
    LearningRate = 0.05,
});
TrainingResult result = trainer.Train(groups);
Console.WriteLine(
    $"loss {result.History[0].Loss:0.0000} -> {result.FinalLoss:0.0000}, pairs in order {result.History[0].PairAccuracy:P0} -> "
    + $"{result.History[^1].PairAccuracy:P0}");
