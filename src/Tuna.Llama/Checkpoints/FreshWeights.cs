using Tuna.Llama.Lora;
using Tuna.Llama.Model;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using Tuna.Numerics;
using static TorchSharp.torch;

namespace Tuna.Llama.Checkpoints;

/// <summary>Random weights that depend on the seed and the parameter's place alone, not on the device.</summary>
internal static class FreshWeights
{
    private const int MostAtOnce = 8; // bounds what is drawn and not yet in its place

    /// <summary>Normal with the config's initializer range, norms 1, biases 0.</summary>
    public static void Fill(LlamaBackbone model, TrainingParameters? training, ulong seed) =>
        Each(model, training, seed, name => !LoraNames.IsAdapter(name), 0, (name, t, g) =>
    {
        if (name.EndsWith("norm.weight", StringComparison.Ordinal))
            t.fill_(1);
        else if (name.EndsWith(".bias", StringComparison.Ordinal))
            t.zero_();
        else
            t.normal_(0, model.Config.InitializerRange, g);
    });

    /// <summary>A uniform in +-1/sqrt(in), as PEFT's Kaiming initialization with a = sqrt(5) comes out; B zero, so that the adapter starts
    /// as nothing.</summary>
    public static void FillAdapters(LlamaBackbone model, TrainingParameters? training, ulong seed) =>
        Each(model, training, seed, LoraNames.IsAdapter, 1UL << 32, (name, t, g) =>
    {
        double bound = 1 / Math.Sqrt(t.shape[1]);
        if (name.EndsWith(LoraNames.A, StringComparison.Ordinal))
            t.uniform_(-bound, bound, g);
        else
            t.zero_();
    });

    /// <summary>The head alone, of a reward model that starts from a policy.</summary>
    public static void FillHead(LlamaBackbone model, TrainingParameters? training, ulong seed) =>
        Each(model, training, seed, name => name == model.ResponseHead.Name, 1UL << 33,
            (_, t, g) => t.normal_(0, model.Config.InitializerRange, g));

    // Each kind of parameter begins at a stream of its own: adapters and a fresh head change nothing in the weights around them.
    private static void Each(LlamaBackbone model, TrainingParameters? training, ulong seed, Func<string, bool> chosen, ulong stream,
        Action<string, Tensor, Generator> fill)
    {
        Dictionary<string, TrainedParameter> trained = training?.List.ToDictionary(p => p.Name, StringComparer.Ordinal) ?? [];
        using IDisposable mode = no_grad();
        var all = model.NamedParts().Where(p => chosen(p.Name)).Select((p, i) => (p.Name, p.Part, Stream: stream + 1 + (ulong)i)).ToList();
        foreach ((string Name, WeightPart Part, ulong Stream)[] some in all.Chunk(Math.Min(MostAtOnce, Environment.ProcessorCount)))
        {
            // Every parameter has a generator of its own: they may be drawn side by side.
            var values = new Tensor[some.Length];
            Parallel.For(0, some.Length, i => values[i] = Draw(some[i].Name, some[i].Part.Shape, some[i].Stream));
            for (int i = 0; i < some.Length; i++)
            {
                using Tensor drawn = values[i];
                if (trained.TryGetValue(some[i].Name, out TrainedParameter? own))
                    own.Assign(drawn);
                else
                    Weight.Assign(some[i].Part, drawn);
            }
        }

        Tensor Draw(string name, long[] shape, ulong own)
        {
            using IDisposable mode = no_grad();
            using var generator = new Generator(Rng.Derive(seed, own) >> 1);
            Tensor values = empty(shape, ScalarType.Float32, CPU).DetachFromDisposeScope();
            fill(name, values, generator);
            return values;
        }
    }
}
