using System.Diagnostics;
using System.Text.Json;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;
using TorchSharp;

namespace Tuna.Llama.Benchmarks;

/// <summary>What the host does, without a GPU: a model so small that arithmetic vanishes, deep and shallow; the difference is a layer's.
/// And bytes a parameter.</summary>
internal static class Host
{
    private const int Shallow = 2, Deep = 12;

    public static void Run()
    {
        torch.set_num_threads(1);
        (Cost shallow, Cost deep) = (Measure(Shallow), Measure(Deep));
        Report(new()
        {
            ["mode"] = "host",
            ["train_us_layer"] = PerLayer(c => c.TrainMicroseconds),
            ["train_tensors_layer"] = PerLayer(c => c.TrainTensors),
            ["train_us_rest"] = shallow.TrainMicroseconds - (Shallow * PerLayer(c => c.TrainMicroseconds)),
            ["optimizer_us_layer"] = PerLayer(c => c.OptimizerMicroseconds),
            ["optimizer_tensors_layer"] = PerLayer(c => c.OptimizerTensors),
            ["token_us_layer"] = PerLayer(c => c.TokenMicroseconds),
            ["token_tensors_layer"] = PerLayer(c => c.TokenTensors),
            ["token_us_rest"] = shallow.TokenMicroseconds - (Shallow * PerLayer(c => c.TokenMicroseconds)),
        });
        var config = new LlamaConfig
        {
            HiddenSize = 2048,
            LayerCount = 22,
            HeadCount = 32,
            KeyValueHeadCount = 4,
            IntermediateSize = 5632,
            VocabularySize = 32000,
            HeadDimension = 64,
        };
        foreach (string device in new[] { "cpu", "cuda" })
        {
            foreach (MomentPrecision moments in Enum.GetValues<MomentPrecision>())
            {
                foreach (int passes in new[] { 1, 2 })
                {
                    MemoryEstimate e = MemoryEstimate.Of(config, null, TensorDType.BF16, true, [], ActivationMode.Keep, device, moments,
                        passes);
                    double parameters = config.Parameters().Sum(p => p.ElementCount);
                    Report(new()
                    {
                        ["mode"] = "bytes",
                        ["device"] = device,
                        ["moments"] = moments.ToString(),
                        ["passes"] = passes,
                        ["bytes_parameter"] = (e.Weights + e.Masters + e.Moments + e.Gradients) / parameters,
                    });
                }
            }
        }

        double PerLayer(Func<Cost, double> of) => (of(deep) - of(shallow)) / (Deep - Shallow);
    }

    /// <summary>Microseconds (least of some repetitions) and tensors that libtorch returned: one for nearly every call.</summary>
    private static Cost Measure(int layers)
    {
        var config = new LlamaConfig
        {
            HiddenSize = 16,
            LayerCount = layers,
            HeadCount = 2,
            KeyValueHeadCount = 1,
            IntermediateSize = 16,
            VocabularySize = 32,
            HeadDimension = 8,
        };
        using LlamaPolicy policy = LlamaPolicy.Create(config);
        TokenGroup[] groups = [new TokenGroup("group", new int[4], [new int[2], new int[3]], new double[2])];
        long step = 0;
        (double train, long trainTensors) = Least(
            () =>
            {
                using IForwardPass pass = policy.Forward(groups);
                pass.Backward([0.5, -0.5]);
            },
            () => policy.ApplyGradients(new AdamWStep(++step, 1e-5, 1, new AdamWSettings())));
        (double optimizer, long optimizerTensors) = Least(
            () => policy.ApplyGradients(new AdamWStep(++step, 1e-5, 1, new AdamWSettings())),
            () =>
            {
                using IForwardPass pass = policy.Forward(groups);
                pass.Backward([0.5, -0.5]);
            });
        (double few, long fewTensors) = Least(() => Sample(4), () => { });
        (double many, long manyTensors) = Least(() => Sample(36), () => { });
        return new Cost(train, trainTensors, optimizer, optimizerTensors, (many - few) / 32, (manyTensors - fewTensors) / 32.0);

        void Sample(int tokens) =>
            policy.Sample([new SamplingRequest { Prompt = new int[4], Count = 1, MaxNewTokens = tokens, Seed = 1, StopTokens = [] }]);
    }

    private static (double Microseconds, long Tensors) Least(Action work, Action between)
    {
        double best = double.MaxValue;
        long tensors = 0;
        for (int r = 0; r < 30; r++)
        {
            between();
            long before = Made();
            var watch = Stopwatch.StartNew();
            work();
            best = Math.Min(best, watch.Elapsed.TotalMicroseconds);
            tensors = Made() - before;
        }

        return (best, tensors);

        static long Made() => DisposeScopeManager.Statistics.CreatedInScopeCount + DisposeScopeManager.Statistics.CreatedOutsideScopeCount;
    }

    private static void Report(Dictionary<string, object> values) =>
        Console.WriteLine(JsonSerializer.Serialize(values.ToDictionary(v => v.Key, v => v.Value is double d ? Math.Round(d, 2) : v.Value)));

    private sealed record Cost(double TrainMicroseconds, double TrainTensors, double OptimizerMicroseconds, double OptimizerTensors,
        double TokenMicroseconds, double TokenTensors);
}
