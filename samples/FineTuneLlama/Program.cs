using System.CommandLine;
using FineTuneLlama;
using Tuna.Models;
using Tuna.Models.Checkpoints;

var model = new Option<DirectoryInfo>("--model") { Description = "Hugging Face folder: config.json, *.safetensors, tokenizer.", Required = true };
var data = new Option<FileInfo>("--data") { Description = "Ranked JSON or JSONL: instruction, output[], score[].", Required = true };
var output = new Option<DirectoryInfo>("--output") { Description = "Run folder: metrics, checkpoints, the trained model, report.md.", Required = true };
var device = new Option<string>("--device") { Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu" };
var dtype = new Option<string?>("--dtype") { Description = "float32 or bfloat16; default float32 on the CPU, bfloat16 on a GPU." };
dtype.AcceptOnlyFromAmong("float32", "bfloat16");
var template = new Option<string>("--template") { Description = "Prompt form: alpaca, llama2 or llama3.", DefaultValueFactory = _ => "alpaca" };
template.AcceptOnlyFromAmong("alpaca", "llama2", "llama3");
var rank = new Option<int>("--lora-rank") { Description = "Rank of LoRA adapters; 0 trains all weights.", DefaultValueFactory = _ => 0 };
var reward = new Option<bool>("--reward-model") { Description = "Train a proxy ranking model instead: a scalar head on the model's body learns the ranker's order (pairwise logistic loss). Both engines run it." };
var epochs = new Option<int>("--epochs") { DefaultValueFactory = _ => 1 };
var rate = new Option<double>("--learning-rate") { Description = "Default 1e-5, the paper's; 1e-4 with LoRA." };
var batch = new Option<int>("--groups-per-step") { DefaultValueFactory = _ => 8 };
var length = new Option<int>("--max-length") { Description = "Prompt and response together, in tokens.", DefaultValueFactory = _ => 512 };
var heldOut = new Option<double>("--held-out") { Description = "Share of the rows kept for the report.", DefaultValueFactory = _ => 0.1 };
var budget = new Option<double?>("--memory-gb") { Description = "Memory to train within; chooses what is kept and what is computed twice." };
var resume = new Option<bool>("--resume") { Description = "Continue the run in the output folder." };

var command = new RootCommand("Fine-tunes a LLaMA on ranked responses, on TorchSharp: the margin ranking loss with its MLE regularizer, or a proxy ranking model.")
{
    model, data, output, device, dtype, template, rank, reward, epochs, rate, batch, length, heldOut, budget, resume,
};
command.SetAction((arguments, cancellationToken) =>
{
    var settings = new Settings
    {
        Model = arguments.GetValue(model)!.FullName,
        Data = arguments.GetValue(data)!.FullName,
        Output = arguments.GetValue(output)!.FullName,
        Device = arguments.GetValue(device)!,
        ComputeType = arguments.GetValue(dtype) switch { "float32" => TensorDType.F32, "bfloat16" => TensorDType.BF16, _ => null },
        Template = arguments.GetValue(template)!,
        LoraRank = arguments.GetValue(rank),
        RewardModel = arguments.GetValue(reward),
        Epochs = arguments.GetValue(epochs),
        LearningRate = arguments.GetValue(rate) is > 0 and var r ? r : arguments.GetValue(rank) > 0 ? 1e-4 : 1e-5,
        GroupsPerStep = arguments.GetValue(batch),
        MaxLength = arguments.GetValue(length),
        HeldOut = arguments.GetValue(heldOut),
        MemoryBudget = arguments.GetValue(budget) is { } gb ? (long)(gb * 1e9) : null,
        Resume = arguments.GetValue(resume),
    };
    // The training thread is this one: Ctrl+C writes a checkpoint before it ends the run.
    return Task.FromResult(FineTuning.Run(settings, Console.Out, cancellationToken));
});
return await command.Parse(args).InvokeAsync();
