// Fine-tuning on a GPU: a Hugging Face folder and ranked rows in, a trained folder out. LoRA adapters on a bfloat16 model, the paper's
// margin ranking loss. The command `tuna train --engine torch` does this with every option; here it is as a library call.
using Tuna.Data;
using Tuna.Data.Groups;
using Tuna.IO;
using Tuna.Llama;
using Tuna.Losses;
using Tuna.Models;
using Tuna.Policies;
using Tuna.Tokenizers;
using Tuna.Training;

if (args is not [string model, string data, string output, .. string[] rest])
{
    Console.Error.WriteLine("Usage: FineTuneOnGpu MODEL_FOLDER RANKED.jsonl OUTPUT_FOLDER [cuda | cuda:N | cpu]");
    return 2;
}

string device = rest is [string named] ? named : "cuda";
var tokenizer = new GroupTokenizer(HuggingFaceTokenizer.Load(model), options: new()
{
    MaxLength = Math.Min(512, LlamaConfig.Load(model).ContextLength),
    Reference = ReferenceSource.GivenOrBest,
});
TokenGroup[] groups = [.. tokenizer.Tokenize(RankedData.Read(data))];

using LlamaPolicy policy = LlamaPolicy.Load(model, new() { Device = device, Lora = new() { Rank = 16, Alpha = 32 } });
var options = new TrainerOptions
{
    MicroBatchesPerStep = 16,
    LearningRate = 1e-4,
    RunFolder = output + ".run", // checkpoints: a killed run goes on from the last one
};
TrainingResult result = new RankingTrainer(policy, new MarginRankingLoss(margin: 0.1, lambda: 1), options)
    .Train(groups, progress: new Steps());

AtomicFolder.Write(output, policy.SaveModel); // the merged model, in the Hugging Face layout
Console.WriteLine($"{output}: {result.Steps} steps, last loss {result.FinalLoss:0.0000}");
return 0;

internal sealed class Steps : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value) =>
        Console.WriteLine(
        $"step {value.Metrics.Step} of {value.TotalSteps}: loss {value.Metrics.Loss:0.0000}, pairs in order "
        + $"{value.Metrics.PairAccuracy:P0}");
}
