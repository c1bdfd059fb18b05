// A loss of one's own: derive from PairwiseLoss and say what one pair costs. Here a squared hinge on the mean log-probability per token;
// the base makes the gradient of every response from the slope, and the trainer and both engines take it as they take any other loss.
using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.Llama.Managed;
using Tuna.Losses;
using Tuna.Models;
using Tuna.Policies;
using Tuna.Training;

IEnumerable<RankedExample> rows = Enumerable.Range(1, 24).Select(i => new RankedExample
{
    Id = $"row {i}",
    Instruction = $"Is {i} even?",
    Outputs = i % 2 == 0 ? ["Yes.", "No.", "Perhaps?"] : ["No.", "Yes.", "Perhaps?"],
    Scores = [3, 2, 1],
});
TokenGroup[] groups = [.. new GroupTokenizer(ByteTokenizer.Instance).Tokenize(rows)];

var config = new LlamaConfig
{
    VocabularySize = ByteTokenizer.Instance.VocabularySize,
    HiddenSize = 32,
    IntermediateSize = 88,
    LayerCount = 2,
    HeadCount = 2,
    KeyValueHeadCount = 2,
    HeadDimension = 16,
    ContextLength = 512,
};
using ManagedLlama policy = ManagedLlama.Create(config, new() { Seed = 1, Threads = 1 });
var trainer = new RankingTrainer(policy, new SquaredHingeLoss(margin: 0.5), new TrainerOptions
{
    Epochs = 20,
    MicroBatchesPerStep = 6,
    LearningRate = 0.01,
});
TrainingResult result = trainer.Train(groups);
Console.WriteLine(
    $"loss {result.History[0].Loss:0.0000} -> {result.FinalLoss:0.0000}, pairs in order {result.History[0].PairAccuracy:P0} -> "
    + $"{result.History[^1].PairAccuracy:P0}");

/// <summary>f(h) = max(0, margin - h)^2, with h the difference of two responses' mean log-probabilities per token, nats.</summary>
internal sealed class SquaredHingeLoss(double margin) : PairwiseLoss(ResponseMeasure.MeanLogProb)
{
    /// <summary>A run is resumed only with a loss of the same description.</summary>
    public override LossDescription Describe() => new(nameof(SquaredHingeLoss), ("Margin", margin), (nameof(Pairs), Pairs));

    protected override double PairLoss(double difference, out double slope)
    {
        double missing = Math.Max(0, margin - difference);
        slope = -2 * missing; // exactly zero for a satisfied pair, which then costs no backward work
        return missing * missing;
    }
}
