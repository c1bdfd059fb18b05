using BenchmarkDotNet.Attributes;
using Tuna.Losses;

namespace Tuna.Benchmarks.Losses;

/// <summary>Every loss, value and gradient, against its scalar reference and against LINQ.</summary>
[MemoryDiagnoser]
public class LossBenchmarks
{
    private static readonly Dictionary<string, IRankingLoss> Kernels = new()
    {
        ["Margin"] = new MarginRankingLoss(),
        ["MarginReleased"] = new MarginRankingLoss(reduction: MarginReduction.Released),
        ["MLE"] = new MaximumLikelihoodLoss(),
        ["RRHF"] = new RrhfLoss(),
        ["SLiC-HF"] = new SlicHfLoss(),
        ["DPO"] = new DpoLoss(),
        ["IPO"] = new IpoLoss(),
        ["RSO"] = new RsoHingeLoss(),
        ["SimPO"] = new SimPoLoss(),
        ["ORPO"] = new OrpoLoss(),
        ["Bradley-Terry"] = new PairwiseLogisticLoss(),
        ["ListMLE"] = ListMleLoss.OnMeanLogProbs(),
        ["ListMLE-ratio"] = ListMleLoss.OnLogRatios(),
        ["PRO"] = new ProLoss(),
        ["PRO-temperature"] = new ProLoss(useTemperatures: true),
        ["LiPO"] = new LipoLambdaLoss(),
        ["RLOO"] = new RlooLoss(),
        ["GSPO"] = new GspoLoss(),
    };

    private Group[] _groups = [];
    private FlatGroups _flat = new([]);
    private double[] _gradient = [];
    private IRankingLoss _kernel = Kernels["Margin"];
    private PlainLoss _scalar = ScalarLosses.All["Margin"], _linq = LinqLosses.All["Margin"];

    public static IEnumerable<string> Names => Kernels.Keys;

    [ParamsSource(nameof(Names))]
    public string Loss { get; set; } = "Margin";

    /// <summary>Groups of the batch and candidates of each: the corners and what lies between.</summary>
    public static IEnumerable<BatchSize> Sizes =>
        [new(1, 2), new(1, 4), new(1, 64), new(64, 4), new(64, 16), new(4096, 2), new(4096, 4), new(4096, 64)];

    [ParamsSource(nameof(Sizes))]
    public BatchSize Size { get; set; } = new(1, 2);

    [GlobalSetup]
    public void Setup()
    {
        _groups = Group.Random(Size.Groups, Size.Candidates);
        _flat = new FlatGroups(_groups);
        _gradient = new double[_flat.Rows];
        (_kernel, _scalar, _linq) = (Kernels[Loss], ScalarLosses.All[Loss], LinqLosses.All[Loss]);
        // What is compared must be the same.
        double value = Kernel();
        (double scalar, double[][] scalarGradient) = _scalar(_groups);
        (double linq, double[][] linqGradient) = _linq(_groups);
        Same(value, scalar);
        Same(value, linq);
        foreach ((double expected,
            (double a, double b)) in _gradient.Zip(scalarGradient.SelectMany(g => g).Zip(linqGradient.SelectMany(g => g))))
        {
            Same(expected, a);
            Same(expected, b);
        }
    }

    [Benchmark]
    public double Kernel() => _kernel.Evaluate(_flat.View(), _gradient);

    [Benchmark(Baseline = true)]
    public double Scalar() => _scalar(_groups).Value;

    [Benchmark]
    public double Linq() => _linq(_groups).Value;

    private void Same(double expected, double actual)
    {
        if (Math.Abs(expected - actual) > 1e-9 * Math.Max(1, Math.Abs(expected)))
            throw new InvalidOperationException($"{Loss}: {expected} and {actual} differ.");
    }
}

/// <summary>Groups per batch and candidates per group.</summary>
public sealed record BatchSize(int Groups, int Candidates)
{
    public override string ToString() => $"{Groups} x {Candidates}";
}
