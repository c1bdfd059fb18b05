using System.CommandLine;
using Tuna.Distributed;
using Tuna.Training;
using Tuna.Cli.Hosting;
using Tuna.Cli.Models;

namespace Tuna.Cli.Training;

/// <summary>The options that every training command has.</summary>
internal sealed class TrainingOptions
{
    private readonly Setting<string> _out = new("--out", "-o")
    {
        Effect = Effect.Course,
        Description =
            "Folder of the trained model, in the Hugging Face layout; it appears when training has finished. Until then OUT.run holds "
            + "checkpoints.",
        Required = true,
    };
    private readonly Setting<int> _epochs;
    private readonly Setting<double> _rate;
    private readonly Setting<string> _schedule = new("--schedule")
    {
        Among = ["cosine", "linear", "constant"],
        Description = "Course of the learning rate after the warm-up: cosine, linear or constant.",
        DefaultValueFactory = _ => "cosine",
    };
    private readonly Setting<double> _warmup = new("--warmup")
    {
        Range = Rule.Share<double>(),
        Description = "Share of the steps in which the learning rate rises.",
        DefaultValueFactory = _ => 0.03,
    };
    private readonly Setting<int> _batch;
    private readonly Setting<int> _microBatch = new("--micro-batch")
    {
        Range = Rule.AtLeast(1),
        Description = "Groups passed through the model at once; smaller needs less memory. It must divide --batch.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Setting<int> _microBatchTokens = new("--micro-batch-tokens")
    {
        Range = Rule.AtLeast(0),
        Unrecorded = value => value == 0,
        Description = "Most tokens passed at once, in place of --micro-batch: as many of the step's groups as fit, a larger one alone. "
            + "Keeps a GPU busy. 0 cuts by --micro-batch.",
        DefaultValueFactory = _ => 0,
    };
    private readonly Setting<bool> _lowMemory =
        new("--low-memory") { Description = "Score first, then pass one response at a time: least memory, the same gradients." };
    private readonly Setting<double> _clip = new("--clip")
    {
        Range = Rule.Above(0.0),
        Description = "Largest gradient norm; larger ones are scaled down.",
        DefaultValueFactory = _ => 1,
    };
    private readonly Setting<double> _weightDecay =
        new("--weight-decay") { Range = Rule.AtLeast(0.0), Description = "Decoupled weight decay.", DefaultValueFactory = _ => 0 };
    private readonly Setting<ulong> _seed = new("--seed") { Description = "Seed of the data's order." };
    private readonly Setting<int> _checkpointEvery = new("--checkpoint-every")
    {
        Range = Rule.AtLeast(1),
        Effect = Effect.Course,
        Description = "Steps between checkpoints; a killed run goes on from the last one.",
        DefaultValueFactory = _ => 100,
    };

    private readonly Setting<bool?> _async = new("--async-checkpoints")
    {
        Effect = Effect.Course,
        Description = "Copies a checkpoint to the machine's memory, of which it takes as much as the files, and writes it while training "
            + "goes on. Default: on a GPU.",
    };

    private readonly WatchOptions _watch = new();
    private readonly Setting<string?> _tensorBoard = new("--tensorboard")
    {
        Effect = Effect.Course,
        HelpName = "FOLDER",
        Description = "Writes the curves for TensorBoard as training goes on, into FOLDER/NAME with the name of --out: "
            + "tensorboard --logdir FOLDER.",
    };

    private readonly Setting<int> _leaves = new("--gradient-leaves")
    {
        Range = (value => value is >= 1 and <= 1024 && int.IsPow2(value), "a power of two from 1 to 1024"),
        Unrecorded = value => value == 1,
        Description =
            "Under mpirun: shares that a step is cut into, a power of two. Any number of processes that divides it gives the same bits. "
            + "Default: the number of processes.",
        DefaultValueFactory = _ => MpiProcessGroup.LaunchedSize,
    };

    private readonly Setting<bool> _shardOptimizer = new("--shard-optimizer")
    {
        Effect = Effect.Course,
        Description =
            "Under mpirun: each process keeps the optimizer's state of its share of the weights only (ZeRO-1). The same result with less "
            + "memory.",
    };
    private readonly Setting<double> _rankTimeout = new("--rank-timeout")
    {
        Range = Rule.Above(0.0),
        Effect = Effect.Course,
        Description =
            "Under mpirun: longest wait for another process, in minutes. One that dies is noticed at once; this is for one that hangs.",
        DefaultValueFactory = _ => 60,
    };

    public TrainingOptions(int epochs, double learningRate, int batch)
    {
        _epochs = new("--epochs")
        {
            Range = Rule.AtLeast(1),
            Description = "Times that the data is gone through.",
            DefaultValueFactory = _ => epochs,
        };
        _rate = new("--learning-rate", "--lr")
        {
            Range = Rule.Above(0.0),
            Description = "Peak learning rate.",
            DefaultValueFactory = _ => learningRate,
        };
        _batch = new("--batch")
        {
            Range = Rule.AtLeast(1),
            Description = "Groups (instructions with their responses) per step.",
            DefaultValueFactory = _ => batch,
        };
    }

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_out, _epochs, _rate, _schedule, _warmup, _batch, _microBatch, _microBatchTokens, _lowMemory,
            _clip, _weightDecay, _seed, _checkpointEvery, _async, _tensorBoard, _leaves, _shardOptimizer, _rankTimeout])
            command.Options.Add(option);
        _watch.AddTo(command);
    }

    public string Out(ParseResult parse) => Path.TrimEndingDirectorySeparator(parse.GetValue(_out)!);

    /// <summary>The run's own folder for TensorBoard, when one was asked for.</summary>
    public string? TensorBoard(ParseResult parse) =>
        parse.GetValue(_tensorBoard) is { } folder ? Path.Combine(folder, Path.GetFileName(Path.GetFullPath(Out(parse)))) : null;

    /// <summary>How training joins the other processes of an MPI job.</summary>
    public MpiOptions Together(ParseResult parse) => new() { Timeout = TimeSpan.FromMinutes(parse.GetValue(_rankTimeout)) };

    public ulong Seed(ParseResult parse) => parse.GetValue(_seed);

    public TrainerOptions Trainer(ParseResult parse, EngineChoice engine)
    {
        int batch = parse.GetValue(_batch), microBatch = Math.Min(parse.GetValue(_microBatch), Math.Max(batch, 1));
        if (microBatch < 1 || batch < 1 || batch % microBatch != 0)
            throw new StageException($"--batch {batch} is not a multiple of --micro-batch {microBatch}.", ExitCodes.Usage);
        double warmup = parse.GetValue(_warmup);
        return _watch.AddTo(new TrainerOptions
        {
            Epochs = parse.GetValue(_epochs),
            GroupsPerMicroBatch = microBatch,
            MicroBatchesPerStep = batch / microBatch,
            MicroBatchTokens = parse.GetValue(_microBatchTokens),
            GradientLeaves = parse.GetValue(_leaves),
            ShardOptimizer = parse.GetValue(_shardOptimizer),
            LearningRate = parse.GetValue(_rate),
            Schedule = parse.GetValue(_schedule) switch
            {
                "linear" => LearningRateSchedule.Linear with { WarmupRatio = warmup },
                "constant" => LearningRateSchedule.Constant with { WarmupRatio = warmup },
                _ => LearningRateSchedule.Cosine with { WarmupRatio = warmup },
            },
            Optimizer = new() { WeightDecay = parse.GetValue(_weightDecay) },
            MaxGradientNorm = parse.GetValue(_clip),
            Seed = parse.GetValue(_seed),
            PassMode = parse.GetValue(_lowMemory) ? PassMode.ScoreFirst : PassMode.Fused,
            CheckpointEverySteps = parse.GetValue(_checkpointEvery),
            AsyncCheckpoints = parse.GetValue(_async) ?? engine.IsGpu,
            RunFolder = RunFolder(parse),
        }, parse);
    }

    /// <summary>Where checkpoints are while training lasts.</summary>
    public string RunFolder(ParseResult parse) => RunFolder(Out(parse));

    public static string RunFolder(string output) => output + ".run";
}
