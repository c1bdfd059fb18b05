using System.CommandLine;
using Quickstart;
using Spectre.Console;

// The main job of Tuna in one command: SFT policy -> Tuna_p -> Tuna, or, with --data, training on a ranked file.
var seeds = new Option<ulong[]>("--seeds")
{
    Description = "Seeds; with several, the recipe runs once for each and the table gives mean and spread.",
    DefaultValueFactory = _ => [1UL],
    AllowMultipleArgumentsPerToken = true,
};
var output = new Option<string>("--out")
{
    Description = "Folder for data, checkpoints and the report.",
    DefaultValueFactory = _ => Path.Combine("out", "quickstart"),
};
var threads = new Option<int>("--threads") { Description = "Threads of the engine.",
    DefaultValueFactory = _ => Environment.ProcessorCount };
var instructions = new Option<int>("--instructions")
{
    Description = "Training instructions per stage.",
    DefaultValueFactory = _ => new RecipeOptions().Instructions,
};
var learningRate = new Option<double>("--learning-rate")
{
    Description = "Peak learning rate from the SFT policy; Tuna, which starts from Tuna_p, uses half of it.",
    DefaultValueFactory = _ => new RecipeOptions().LearningRate,
};
var data = new Option<FileInfo?>("--data")
{
    Description = "Train on this ranked JSON or JSONL file instead (instruction, id, output[], score[]).",
};
var epochs = new Option<int>("--epochs") { Description = "Epochs over --data.", DefaultValueFactory = _ => 1 };
var responseTokens = new Option<int>("--response-tokens")
{
    Description = "Most tokens (bytes) of a response that --data trains on.",
    DefaultValueFactory = _ => 256,
};
var judge = new Option<string>("--judge")
{
    Description = "Who judges: offline (scripted, free), or openai:MODEL (paid; needs OPENAI_API_KEY, --budget and the prices).",
    DefaultValueFactory = _ => "offline",
};
var budget = new Option<decimal?>("--budget") { Description = "Most money that a paid judge may spend in this run." };
var inputPrice = new Option<decimal?>("--price-input") { Description = "Price of a million prompt tokens of a paid judge." };
var outputPrice = new Option<decimal?>("--price-output") { Description = "Price of a million completion tokens of a paid judge." };

var root = new RootCommand("Improves an instruction-tuned policy by ranking, on the CPU, with no native library.") { seeds, output, threads,
    instructions, learningRate, data, epochs, responseTokens, judge, budget, inputPrice, outputPrice };
root.SetAction((parse, cancellationToken) => Guard(() =>
{
    var ui = new Ui(Ui.PlainWhenRedirected(), TimeProvider.System);
    JudgeChoice who = JudgeChoice.Parse(parse.GetValue(judge)!, parse.GetValue(budget), parse.GetValue(inputPrice),
        parse.GetValue(outputPrice));
    if (parse.GetValue(data) is { } file)
    {
        new RankedFileRun(ui, parse.GetValue(threads), parse.GetValue(epochs), parse.GetValue(responseTokens), parse.GetValue(seeds)![0])
            .Run(file.FullName, parse.GetValue(output)!, cancellationToken);
        return;
    }

    new SeedRuns(ui, new RecipeOptions
    {
        Threads = parse.GetValue(threads),
        Instructions = parse.GetValue(instructions),
        LearningRate = parse.GetValue(learningRate),
        Judge = who,
    }, TimeProvider.System)
        .Run(parse.GetValue(seeds)!, parse.GetValue(output)!, cancellationToken);
}));

var checkpoints = new Option<string>("--out")
{
    Description = "Folder that receives the checkpoints sft and teacher.",
    DefaultValueFactory = _ => Path.Combine("samples", "Quickstart", "checkpoints"),
};
var only = new Option<string[]>("--only") { Description = "Train only sft or only teacher.",
    AllowMultipleArgumentsPerToken = true }.AcceptOnlyFromAmong("sft", "teacher");
var pretrain = new Command("pretrain", "Trains the two checkpoints that this sample ships, from scratch.") { checkpoints, only, threads };
pretrain.SetAction((parse, cancellationToken) => Guard(() =>
    new Pretraining(new Ui(Ui.PlainWhenRedirected(), TimeProvider.System), parse.GetValue(threads))
        .Run(parse.GetValue(checkpoints)!, parse.GetValue(only) ?? [], cancellationToken)));
root.Subcommands.Add(pretrain);

return await root.Parse(args).InvokeAsync();

static Task<int> Guard(Action work)
{
    try
    {
        work();
        return Task.FromResult(0);
    }
    catch (OperationCanceledException)
    {
        AnsiConsole.MarkupLine("[yellow]Stopped. What was written stays usable.[/]");
        return Task.FromResult(130);
    }
    catch (Exception e) when (e is IOException or InvalidDataException or ArgumentException or FormatException)
    {
        AnsiConsole.MarkupLineInterpolated($"[red]{e.Message}[/]");
        return Task.FromResult(1);
    }
}
