using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;
using Tuna.Numerics;

namespace Tuna.Llama.Managed.Checkpoints;

/// <summary>A model's weights from and to the Hugging Face layout.</summary>
internal static class ModelFiles
{
    /// <summary>Reads every parameter, several at a time.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="reader">The checkpoint.</param>
    /// <param name="config">The model's.</param>
    /// <param name="parameters">Receives the weights.</param>
    /// <param name="optional">A parameter that may be missing, or null.</param>
    /// <returns>Whether the optional parameter was there.</returns>
    /// <exception cref="InvalidDataException">A tensor is missing, unexpected, of another shape or type, or holds a NaN or an infinity.</exception>
    public static bool Load(WorkerPool pool, CheckpointReader reader, LlamaConfig config, LlamaParameters parameters, string? optional = null)
    {
        bool found = optional is null || reader.Names.Contains(optional);
        List<ParameterSlot> slots = parameters.Slots.Where(s => found || s.Name != optional).ToList();
        reader.Compare(slots.Select(s => new ParameterShape(s.Name, s.Shape))).ThrowIfUnusable(config);
        foreach (ParameterSlot slot in slots)
        {
            TensorDType type = reader[slot.Name].DType;
            if (type is not (TensorDType.F32 or TensorDType.BF16 or TensorDType.F16))
                throw new InvalidDataException($"{reader.Folder}: tensor '{slot.Name}' is {type}; weights are F32, BF16 or F16.");
        }

        var job = new LoadJob { Reader = reader, Parameters = parameters, Slots = slots };
        pool.Run(ref job);
        return found;
    }

    /// <summary>Draws fresh weights: norms 1, biases 0, everything else normal with the config's initializer range. Each parameter has its own stream of the seed.</summary>
    public static void Initialize(LlamaConfig config, LlamaParameters parameters, ulong seed)
    {
        for (int i = 0; i < parameters.Slots.Count; i++)
            Initialize(config, parameters, parameters.Slots[i], Rng.Derive(seed, (ulong)i));
    }

    /// <summary>Draws fresh weights of one parameter.</summary>
    public static void Initialize(LlamaConfig config, LlamaParameters parameters, ParameterSlot slot, ulong seed)
    {
        Span<float> weights = parameters.WritableWeightsOf(slot);
        if (slot.Shape.Count == 1)
        {
            weights.Fill(slot.Name.EndsWith(".bias", StringComparison.Ordinal) ? 0 : 1);
            return;
        }

        var rng = new Rng(seed);
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (float)(rng.NextGaussian() * config.InitializerRange);
    }

    /// <summary>Writes config.json and the weights into an existing folder.</summary>
    public static void Save(string folder, LlamaConfig config, LlamaParameters parameters, TensorDType? type)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        LlamaConfig saved = config with { DType = type ?? config.DType };
        saved.Save(folder);
        List<TensorSpec> tensors = parameters.Slots.Select(s => new TensorSpec(s.Name, saved.DType, s.Shape)).ToList();
        Dictionary<string, ParameterSlot> slots = parameters.Slots.ToDictionary(s => s.Name, StringComparer.Ordinal);
        CheckpointWriter.Write(folder, tensors, (writer, tensor) => writer.Write(tensor.Name, parameters.WeightsOf(slots[tensor.Name])));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int IndexOfNonFinite(ReadOnlySpan<float> values)
    {
        // A finite number times zero is zero; an infinity or a NaN gives NaN, and so does every sum with it.
        int i = 0;
        Vector<float> sum = Vector<float>.Zero;
        foreach (Vector<float> v in MemoryMarshal.Cast<float, Vector<float>>(values))
            sum += v * Vector<float>.Zero;
        if (Vector.EqualsAll(sum, Vector<float>.Zero))
            i = values.Length / Vector<float>.Count * Vector<float>.Count;
        for (; i < values.Length; i++)
        {
            if (!float.IsFinite(values[i]))
                return i;
        }

        return -1;
    }

    private struct LoadJob : IParallelJob
    {
        public CheckpointReader Reader;
        public LlamaParameters Parameters;
        public List<ParameterSlot> Slots;

        public readonly void Execute(int worker, int workers)
        {
            foreach (ParameterSlot slot in Slots)
            {
                // By the place among all parameters, so that every worker gets about as many bytes.
                if (slot.Offset * workers / Parameters.Count != worker)
                    continue;
                Span<float> weights = Parameters.WritableWeightsOf(slot);
                Reader.Read(slot.Name, weights);
                int bad = IndexOfNonFinite(weights);
                if (bad >= 0)
                    throw new InvalidDataException($"{Reader.Folder}: element {bad} of tensor '{slot.Name}' is {weights[bad]}; weights are finite.");
            }
        }
    }
}
