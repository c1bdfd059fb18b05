using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Tuna.Cli.Hosting;
using Tuna.Cli.Terminal;
using Tuna.Distributed;
using Tuna.Evaluation.Charts;
using Tuna.IO;
using Tuna.Llama;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Cli.Commands;

/// <summary>What training on 1 to 64 GPUs would take, from a model.</summary>
internal sealed class ScaleCommand : StageCommand
{
    public const string Summary =
        "What training on 1 to 64 GPUs would take, in time and memory, and what limits it: a model with stated assumptions, not a "
        + "measurement.";

    private const double Giga = 1e9;

    // Bytes a second of the links that are drawn, one direction: from 200 Gbit/s Ethernet to the next NVLink.
    private static readonly double[] DrawnLinks = [25, 50, 100, 450, 900];

    /// <summary>Name, peak in BF16 without sparsity (TFLOP/s), memory (GB), its bandwidth (GB/s): the makers' data sheets.</summary>
    private static readonly (string Name, double Teraflops, double Memory, double Bandwidth)[] Gpus =
        [("h100", 989, 80, 3350), ("h200", 989, 141, 4800), ("a100", 312, 80, 2039), ("l40s", 362, 48, 864), ("rtx4090", 165, 24, 1008)];

    private static readonly LlamaConfig Llama7B = new()
    {
        VocabularySize = 32000,
        HiddenSize = 4096,
        IntermediateSize = 11008,
        LayerCount = 32,
        HeadCount = 32,
        KeyValueHeadCount = 32,
        HeadDimension = 128,
    };

    private readonly Setting<string?> _model =
        new("--model", "-m") { Description = "A model folder, of which config.json alone is read. Default: the LLaMA of 7B." };
    private readonly Setting<string> _gpu = new("--gpu")
    {
        Among = [.. Gpus.Select(g => g.Name)],
        Description = "The GPU, of which peak, memory and its bandwidth are taken from the maker's data sheet.",
        DefaultValueFactory = _ => "h100",
    };
    private readonly Setting<double> _utilization = new("--utilization")
    {
        Range = (value => value is > 0 and <= 1, "above 0 and at most 1"),
        Description = "Share of the peak that a step reaches; 0.42 was measured with 1.1B on an H100.",
        DefaultValueFactory = _ => 0.42,
    };
    private readonly Setting<double> _link = new("--link")
    {
        Range = Rule.Above(0.0),
        Description = "GB/s, one direction, from a GPU to others of its machine.",
        DefaultValueFactory = _ => 450,
    };
    private readonly Setting<double> _network = new("--network")
    {
        Range = Rule.Above(0.0),
        Description = "GB/s, one direction, from a GPU to other machines.",
        DefaultValueFactory = _ => 50,
    };
    private readonly Setting<int> _perMachine =
        new("--gpus-per-machine") { Range = Rule.AtLeast(1), Description = "GPUs of a machine.", DefaultValueFactory = _ => 8 };
    private readonly Setting<int> _batch =
        new("--batch") { Range = Rule.AtLeast(1), Description = "Groups a step, one a micro-batch.", DefaultValueFactory = _ => 128 };
    private readonly Setting<int> _prompt =
        new("--prompt-tokens") { Range = Rule.AtLeast(1), Description = "Tokens of a prompt.", DefaultValueFactory = _ => 128 };
    private readonly Setting<int> _response =
        new("--response-tokens") { Range = Rule.AtLeast(1), Description = "Tokens of a response.", DefaultValueFactory = _ => 128 };
    private readonly Setting<int> _count = new("--count", "-n")
    {
        Range = Rule.AtLeast(1),
        Description = "Responses of a group, the reference included.",
        DefaultValueFactory = _ => 5,
    };
    private readonly Setting<string?> _out = new("--out", "-o") { Description = "A plot too: .svg." };

    public ScaleCommand(App app)
        : base(app, "scale", Summary)
    {
        foreach (Option option in (Option[])[_model, _gpu, _utilization, _link, _network, _perMachine, _batch, _prompt, _response, _count,
            _out])
            Options.Add(option);
        Examples = ["tuna scale", "tuna scale --gpu a100 --network 25 --out scale.svg", "tuna scale --model llama-3.1-8b --batch 64"];
    }

    public override Task<StageResult> RunAsync(ParseResult parse, StageUi ui, CancellationToken cancellationToken)
    {
        LlamaConfig config = parse.GetValue(_model) is { } folder ? LlamaConfig.Load(folder) : Llama7B;
        var gpu = Gpus.First(g => g.Name == parse.GetValue(_gpu));
        int batch = parse.GetValue(_batch), prompt = parse.GetValue(_prompt), response = parse.GetValue(_response),
            count = parse.GetValue(_count);
        var model = new ScalingModel
        {
            Parameters = config.Parameters().Sum(p => p.ElementCount),
            Tensors = (4 * config.LayerCount) + 2,
            TokensPerStep = (double)batch * (prompt + (count * response)),
            MicroBatches = batch,
            PeakFlops = gpu.Teraflops * 1e12,
            MemoryBandwidth = gpu.Bandwidth * Giga,
            Utilization = parse.GetValue(_utilization),
            LinkBandwidth = parse.GetValue(_link) * Giga,
            NetworkBandwidth = parse.GetValue(_network) * Giga,
            GpusPerMachine = parse.GetValue(_perMachine),
        };
        var group = new TokenGroup("group", new int[prompt], [.. Enumerable.Repeat((ReadOnlyMemory<int>)new int[response], count)],
            new double[count]);
        MemoryEstimate memory = MemoryEstimate.Of(config, null, TensorDType.BF16, trainable: true, [group], ActivationMode.Recompute,
            "cuda");
        int[] sizes = [1, 2, 4, 8, 16, 32, 64];
        StringBuilder text = Assumptions(model, gpu.Name, memory);
        text.AppendLine(" GPUs  step s  compute  exchange  optimizer  speed-up  used %   GB  GB sharded  limited by");
        var rows = new JsonArray();
        foreach (int p in sizes)
        {
            ScalingPoint at = model.At(p);
            double sharded = memory.OfRank(p).Total / Giga, whole = memory.Total / Giga;
            string limit = sharded > gpu.Memory ? $"memory: {gpu.Memory:0} GB" : p > batch
                ? "the batch" : at.Exchange > at.Compute ? "the exchange" : at.Optimizer > at.Compute ? "the optimizer" : "compute";
            text.AppendLine(CultureInfo.InvariantCulture,
                $"{p,5}{at.Total,8:0.00}{at.Compute,9:0.00}{at.Exchange,10:0.00}{at.Optimizer,11:0.000}"
                + $"{model.At(1).Total / at.Total,10:0.0}{100 * model.Efficiency(p),8:0}{whole,5:0}{sharded,12:0}  {limit}");
            rows.Add(new JsonObject
            {
                ["gpus"] = p,
                ["step_s"] = at.Total,
                ["compute_s"] = at.Compute,
                ["exchange_s"] = at.Exchange,
                ["optimizer_s"] = at.Optimizer,
                ["gb"] = whole,
                ["gb_sharded"] = sharded,
                ["limit"] = limit,
            });
        }

        if (parse.GetValue(_out) is { } output)
        {
            AtomicFile.WriteAllText(output, Plot(model, sizes, gpu.Name));
            text.Append(CultureInfo.InvariantCulture, $"{output}: how much of each GPU is used, by the link between machines.");
        }

        return Task.FromResult(new StageResult(text.ToString().TrimEnd(), new() { ["rows"] = rows }));
    }

    private static StringBuilder Assumptions(ScalingModel model, string gpu, MemoryEstimate memory) => new StringBuilder()
        .AppendLine(CultureInfo.InvariantCulture,
            $"A model, not a measurement: {model.Parameters / Giga:0.00}e9 parameters, all trained, {model.TokensPerStep:0} tokens and "
            + $"{model.MicroBatches} micro-batches a step, layers computed again in backward;")
        .AppendLine(CultureInfo.InvariantCulture,
            $"{gpu}: {model.PeakFlops / 1e12:0} TFLOP/s at {model.Utilization:P0}, memory at {model.MemoryBandwidth / Giga:0} GB/s; "
            + $"{model.LinkBandwidth / Giga:0} GB/s between the GPUs of a machine of {model.GpusPerMachine}, "
            + $"{model.NetworkBandwidth / Giga:0} GB/s between machines;")
        .AppendLine(
            "gradients in single precision, exchanged after backward and not during it; AdamW's moments in single precision, sharded "
            + "(--shard-optimizer).")
        .AppendLine(CultureInfo.InvariantCulture, $"Memory of one GPU alone: {memory}.");

    private static string Plot(ScalingModel model, int[] sizes, string gpu)
    {
        double[] x = [.. sizes.Select(p => Math.Log2(p))];
        return SvgChart.Line(
            new ChartLayout
            {
                Title = $"How much of each GPU is used ({model.Parameters / Giga:0.0}e9 parameters, {gpu})",
                XTitle = "log2 of GPUs",
                YTitle = "% used",
                FromZero = true,
            },
            [.. DrawnLinks.Select(link =>
                new ChartSeries($"{link:0} GB/s", x,
                [.. sizes.Select(p => 100 * (model with { NetworkBandwidth = link * Giga, LinkBandwidth = link * Giga })
                .Efficiency(p))]))]);
    }
}
