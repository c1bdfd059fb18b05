using System.CommandLine;
using Tuna.Training;
using Tuna.Cli.Files;
using Tuna.Cli.Hosting;

namespace Tuna.Cli.Training;

/// <summary>The options that every training command has.</summary>
internal sealed class TrainingOptions
{
    private readonly Option<string> _out = new("--out", "-o") { Description = "Folder of the trained model, in the Hugging Face layout; it appears when training has finished. Until then OUT.run holds checkpoints.", Required = true };
    private readonly Option<int> _epochs;
    private readonly Option<double> _rate;
    private readonly Option<string> _schedule = new("--schedule") { Description = "Course of the learning rate after the warm-up: cosine, linear or constant.", DefaultValueFactory = _ => "cosine" };
    private readonly Option<double> _warmup = new("--warmup") { Description = "Share of the steps in which the learning rate rises.", DefaultValueFactory = _ => 0.03 };
    private readonly Option<int> _batch;
    private readonly Option<int> _microBatch = new("--micro-batch") { Description = "Groups passed through the model at once; smaller needs less memory. It must divide --batch.", DefaultValueFactory = _ => 1 };
    private readonly Option<bool> _lowMemory = new("--low-memory") { Description = "Score first, then pass one response at a time: least memory, the same gradients." };
    private readonly Option<double> _clip = new("--clip") { Description = "Largest gradient norm; larger ones are scaled down.", DefaultValueFactory = _ => 1 };
    private readonly Option<double> _weightDecay = new("--weight-decay") { Description = "Decoupled weight decay.", DefaultValueFactory = _ => 0 };
    private readonly Option<ulong> _seed = new("--seed") { Description = "Seed of the data's order." };
    private readonly Option<int> _checkpointEvery = new("--checkpoint-every") { Description = "Steps between checkpoints; a killed run goes on from the last one.", DefaultValueFactory = _ => 100 };

    public TrainingOptions(int epochs, double learningRate, int batch)
    {
        _epochs = new("--epochs") { Description = "Times that the data is gone through.", DefaultValueFactory = _ => epochs };
        _rate = new("--learning-rate", "--lr") { Description = "Peak learning rate.", DefaultValueFactory = _ => learningRate };
        _batch = new("--batch") { Description = "Groups (instructions with their responses) per step.", DefaultValueFactory = _ => batch };
        _schedule.AcceptOnlyFromAmong("cosine", "linear", "constant");
    }

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_out, _epochs, _rate, _schedule, _warmup, _batch, _microBatch, _lowMemory, _clip, _weightDecay, _seed, _checkpointEvery])
            command.Options.Add(option);
    }

    public string Out(ParseResult parse) => Path.TrimEndingDirectorySeparator(parse.GetValue(_out)!);

    /// <summary>Adds what decides the result.</summary>
    public Fingerprint AddTo(Fingerprint fingerprint, ParseResult parse) => fingerprint
        .With("epochs", parse.GetValue(_epochs))
        .With("learning rate", parse.GetValue(_rate))
        .With("schedule", parse.GetValue(_schedule))
        .With("warmup", parse.GetValue(_warmup))
        .With("batch", parse.GetValue(_batch))
        .With("micro-batch", parse.GetValue(_microBatch))
        .With("low memory", parse.GetValue(_lowMemory))
        .With("clip", parse.GetValue(_clip))
        .With("weight decay", parse.GetValue(_weightDecay))
        .With("seed", parse.GetValue(_seed));

    public ulong Seed(ParseResult parse) => parse.GetValue(_seed);

    public TrainerOptions Trainer(ParseResult parse)
    {
        int batch = parse.GetValue(_batch), microBatch = Math.Min(parse.GetValue(_microBatch), Math.Max(batch, 1));
        if (microBatch < 1 || batch < 1 || batch % microBatch != 0)
            throw new StageException($"--batch {batch} is not a multiple of --micro-batch {microBatch}.", ExitCodes.Usage);
        double warmup = parse.GetValue(_warmup);
        return new TrainerOptions
        {
            Epochs = parse.GetValue(_epochs),
            GroupsPerMicroBatch = microBatch,
            MicroBatchesPerStep = batch / microBatch,
            LearningRate = parse.GetValue(_rate),
            Schedule = parse.GetValue(_schedule) switch
            {
                "linear" => new LinearSchedule { WarmupRatio = warmup },
                "constant" => new ConstantSchedule { WarmupRatio = warmup },
                _ => new CosineSchedule { WarmupRatio = warmup },
            },
            Optimizer = new() { WeightDecay = parse.GetValue(_weightDecay) },
            MaxGradientNorm = parse.GetValue(_clip),
            Seed = parse.GetValue(_seed),
            PassMode = parse.GetValue(_lowMemory) ? PassMode.ScoreFirst : PassMode.Fused,
            CheckpointEverySteps = parse.GetValue(_checkpointEvery),
            RunFolder = RunFolder(parse),
        };
    }

    /// <summary>Where checkpoints are while training lasts.</summary>
    public string RunFolder(ParseResult parse) => RunFolder(Out(parse));

    public static string RunFolder(string output) => output + ".run";
}
