using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Tuna.Cli.Hosting;
using Tuna.Distributed;
using Tuna.Llama;
using Tuna.Llama.Lora;
using Tuna.Models.Checkpoints;

namespace Tuna.Cli.Models;

/// <summary>Which engine computes, and how: the settings of every command that runs a model.</summary>
internal sealed class EngineOptions
{
    public const string Managed = "managed";
    public const string Torch = "torch";

    private readonly Setting<string> _engine = new("--engine")
    {
        Among = [Managed, Torch],
        Description =
            "managed (plain C#, on the CPU, needs nothing else) or torch (TorchSharp, CPU and NVIDIA GPUs; needs a libtorch, see "
            + "--libtorch).",
        DefaultValueFactory = _ => Managed,
    };

    private readonly Setting<int> _threads = new("--threads")
    {
        Effect = Effect.Course,
        Range = Rule.AtLeast(1),
        Description =
            "Threads of the engine, of each process. Results have the same bits for the same number. Default: this machine's processors, "
            + "shared by its processes.",
        DefaultValueFactory = _ => Math.Max(1, Environment.ProcessorCount / MpiProcessGroup.LaunchedLocalSize),
    };

    private readonly Setting<string> _device = new("--device")
    {
        Recorded = device => device!.Split(':')[0],
        Description = "With --engine torch: cpu, cuda or cuda:N.",
        DefaultValueFactory = _ => "cpu",
    };

    private readonly Setting<string?> _dtype = new("--dtype")
    {
        Among = ["float32", "bfloat16"],
        Description =
            "With --engine torch: the type to compute in; float32 on the CPU and bfloat16 on a GPU when left out. Trained weights are "
            + "kept in float32 either way.",
    };

    private readonly Setting<string?> _libtorch = new("--libtorch")
    {
        Effect = Effect.Course,
        Description =
            $"With --engine torch: a folder with libtorch: a NuGet package's (libtorch-cpu-linux-x64), or torch/lib of a PyTorch "
            + $"installation. Default: {TorchEngine.Variable}, then NuGet's folder of packages.",
    };

    private readonly Setting<string> _base = new("--base-weights")
    {
        Among = ["full", "nf4"],
        Description =
            "With --engine torch: how weights that are not trained are kept; nf4 packs the projections in 4 bits each (QLoRA). Training "
            + "needs --lora-rank with it.",
        DefaultValueFactory = _ => "full",
    };

    private readonly Setting<string> _moments = new("--moments")
    {
        Among = ["full", "8bit"],
        Description =
            "With --engine torch, for training: AdamW's moments in single precision, or in a byte each (8-bit optimizers), which saves 6 "
            + "bytes a trained weight.",
        DefaultValueFactory = _ => "full",
    };

    private readonly Setting<string> _gradients = new("--gradients")
    {
        Among = ["keep", "recompute"],
        Description =
            "With --engine torch, for training: keep all gradients until the step, or, where a step is one micro-batch, compute them twice "
            + "and never hold more than a layer's: 2 to 4 bytes a trained weight less, for one more forward and backward a step.",
        DefaultValueFactory = _ => "keep",
    };

    private readonly Setting<double?> _memory = new("--memory-gb")
    {
        Range = Rule.OrNone(Rule.Above(0.0)),
        Description =
            "With --engine torch, for training: memory to train within, in GB. It decides what is kept and what is computed twice.",
    };

    private readonly Setting<string> _saved = new("--save-dtype")
    {
        Among = ["float32", "bfloat16", "float16"],
        Description =
            "The type in which the trained weights are stored. Small updates are lost in 16 bits when training goes on from there.",
        DefaultValueFactory = _ => "float32",
    };

    private readonly Setting<int> _rank = new("--lora-rank")
    {
        Range = Rule.AtLeast(0),
        Description =
            "With --engine torch, for training: rank of LoRA adapters; 0 trains all weights. The saved model is the merged one; "
            + "OUT/adapter holds the adapter too.",
    };

    private readonly Setting<double?> _alpha = new("--lora-alpha")
    {
        Range = Rule.OrNone(Rule.Above(0.0)),
        Description = "Scale of the adapters: they count alpha / rank. Default: twice the rank.",
    };

    private readonly Setting<double> _dropout = new("--lora-dropout")
    {
        Range = (value => value is >= 0 and < 1, "at least 0 and below 1"),
        Description = "Dropout of the adapters' inputs while training.",
    };

    private readonly Setting<string[]> _targets = new("--lora-targets")
    {
        Among = LoraOptions.AllProjections,
        AllowMultipleArgumentsPerToken = true,
        Recorded = targets => string.Join(' ', targets ?? []),
        Description = "Which projections have an adapter; all seven when left out.",
    };

    private readonly bool _trains;

    /// <param name="trains">Whether the command trains.</param>
    public EngineOptions(bool trains = false) => _trains = trains;

    /// <summary>All of them.</summary>
    public IReadOnlyList<Option> All => _trains
        ? [_engine, _threads, _device, _dtype, _libtorch, _base, _moments, _gradients, _memory, _saved, _rank, _alpha, _dropout, _targets]
        : [_engine, _threads, _device, _dtype, _libtorch, _base];

    public void AddTo(Command command)
    {
        foreach (Option option in All)
            command.Options.Add(option);
        command.Validators.Add(Check);
    }

    /// <summary>The engine that the command line chose. libtorch is not loaded before a model is.</summary>
    public EngineChoice Choose(ParseResult parse) => new()
    {
        IsTorch = parse.GetValue(_engine) == Torch,
        Threads = parse.GetResult(_threads) is { Implicit: false } || parse.GetValue(_engine) == Managed
            || MpiProcessGroup.LaunchedLocalSize > 1 ? parse.GetValue(_threads) : null,
        Device = parse.GetValue(_device)!,
        ComputeType = parse.GetValue(_dtype) switch { "float32" => TensorDType.F32, "bfloat16" => TensorDType.BF16, _ => null },
        SavedType = !_trains ? TensorDType.F32
            : parse.GetValue(_saved) switch { "bfloat16" => TensorDType.BF16, "float16" => TensorDType.F16, _ => TensorDType.F32 },
        Libtorch = parse.GetValue(_libtorch),
        MemoryBudget = _trains && parse.GetValue(_memory) is { } gb ? (long)(gb * 1e9) : null,
        BaseWeights = parse.GetValue(_base) == "nf4" ? WeightPrecision.Nf4 : WeightPrecision.Full,
        Moments = _trains && parse.GetValue(_moments) == "8bit" ? MomentPrecision.EightBit : MomentPrecision.Full,
        Gradients = _trains && parse.GetValue(_gradients) == "recompute" ? GradientMode.Recompute : GradientMode.Keep,
        Lora = _trains && parse.GetValue(_rank) is > 0 and var rank ? Adapters(parse, rank) : null,
    };

    private LoraOptions Adapters(ParseResult parse, int rank) => new()
    {
        Rank = rank,
        Alpha = parse.GetValue(_alpha) ?? 2 * rank,
        Dropout = parse.GetValue(_dropout),
        TargetModules = parse.GetValue(_targets) is { Length: > 0 } targets ? targets : LoraOptions.AllProjections,
    };

    private void Check(CommandResult result)
    {
        if (result.GetResult(_engine) is { Errors: var errors } && errors.Any())
            return;
        // What was not given has no value yet here, not even its default.
        if ((result.GetValue(_engine) ?? Managed) == Managed)
        {
            foreach (Option option in (Option[])[_device, _dtype, _libtorch, _base, _moments, _gradients, _memory, _rank, _alpha, _dropout,
                _targets])
            {
                if (result.GetResult(option) is { Implicit: false })
                    result.AddError(
                        $"{option.Name} has no effect on the embedded engine, which computes in float32 on the CPU and trains all "
                        + $"weights. Add --engine torch, or leave {option.Name} out.");
            }
        }
        else if (_trains && result.GetValue(_rank) == 0)
        {
            foreach (Option option in (Option[])[_alpha, _dropout, _targets])
            {
                if (result.GetResult(option) is { Implicit: false })
                    result.AddError($"{option.Name} has no effect without --lora-rank.");
            }

            if (result.GetValue(_base) == "nf4")
                result.AddError(
                    "--base-weights nf4: weights in 4 bits are not trained. Add --lora-rank, which trains adapters beside them.");
        }

        string device = result.GetValue(_device) ?? "cpu";
        if (device is not ("cpu" or "cuda")
            && !(device.StartsWith("cuda:", StringComparison.Ordinal)
            && int.TryParse(device.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out _)))
            result.AddError($"--device {device}: there is no such kind of device. It is cpu, cuda or cuda:N.");
    }
}
