using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;
using Tuna.Numerics;

namespace Tuna.Llama.Managed.Checkpoints;

/// <summary>A model's weights from and to the Hugging Face layout.</summary>
internal static class ModelFiles
{
    // The least magnitudes that round to infinity: halfway from the largest number to what would be the next.
    private const float Float16Overflow = 65520f, BFloat16Overflow = 3.3961775e38f;

    /// <summary>Reads every parameter, several at a time.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="reader">The checkpoint.</param>
    /// <param name="config">The model's.</param>
    /// <param name="parameters">Receives the weights.</param>
    /// <param name="optional">A parameter that may be missing, or null.</param>
    /// <returns>Whether the optional parameter was there.</returns>
    /// <exception cref="InvalidDataException">A tensor is missing, unexpected, of another shape or type, or holds a NaN or an
    /// infinity.</exception>
    public static bool Load(WorkerPool pool, CheckpointReader reader, LlamaConfig config, LlamaParameters parameters,
        string? optional = null)
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

    /// <summary>Draws fresh weights: norms 1, biases 0, everything else normal with the config's initializer range. Each parameter has its
    /// own stream of the seed.</summary>
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

    /// <summary>Writes config.json and the weights.</summary>
    /// <exception cref="InvalidOperationException">A weight is not finite or too large for the type; nothing was written.</exception>
    public static void Save(CheckpointFiles files, LlamaConfig config, LlamaParameters parameters, TensorDType? type)
    {
        LlamaConfig saved = config with { DType = type ?? config.DType };
        CheckStorable(parameters, saved.DType);
        saved.Save(files);
        List<TensorSpec> tensors = parameters.Slots.Select(s => new TensorSpec(s.Name, saved.DType, s.Shape)).ToList();
        Dictionary<string, ParameterSlot> slots = parameters.Slots.ToDictionary(s => s.Name, StringComparer.Ordinal);
        CheckpointWriter.Write(files, tensors, (writer, tensor) => writer.Write(tensor.Name, parameters.WeightsOf(slots[tensor.Name])));
    }

    /// <summary>Checks that all weights can be stored in a type.</summary>
    /// <exception cref="InvalidOperationException">One is not finite or too large for it; the message names its tensor.</exception>
    private static void CheckStorable(LlamaParameters parameters, TensorDType type)
    {
        foreach (ParameterSlot slot in parameters.Slots)
        {
            ReadOnlySpan<float> weights = parameters.WeightsOf(slot);
            int bad = type switch
            {
                TensorDType.F16 => Finite.IndexOfBeyond(weights, Float16Overflow),
                TensorDType.BF16 => Finite.IndexOfBeyond(weights, BFloat16Overflow),
                _ => Finite.IndexOfNonFinite(weights),
            };
            if (bad < 0)
                continue;
            throw new InvalidOperationException(float.IsFinite(weights[bad])
                ? $"Element {bad} of tensor '{slot.Name}' is {weights[bad]}, which {type} cannot hold: save the model as "
                    + $"{(type == TensorDType.F16 ? "BF16 or F32" : "F32")} (SavedType). Nothing was written."
                : $"Element {bad} of tensor '{slot.Name}' is {weights[bad]}: weights that are not finite are not saved. Nothing was "
                    + $"written.");
        }
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
                int bad = Finite.IndexOfNonFinite(weights);
                if (bad >= 0)
                    throw new InvalidDataException(
                        $"{Reader.Folder}: element {bad} of tensor '{slot.Name}' is {weights[bad]}; weights are finite.");
            }
        }
    }
}
