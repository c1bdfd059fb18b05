using System.Runtime.InteropServices;
using Tuna.Llama.Managed.Kernels;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Model;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Checkpoints;

/// <summary>What training needs besides the model's own files: full-precision weights where those are rounded, AdamW's moments, the
/// accumulated gradient.</summary>
/// <remarks>One safetensors file; a tensor is named <c>weight/</c>, <c>first_moment/</c>, <c>second_moment/</c> or <c>gradient/</c> and the
/// parameter. Kinds that are not there are zero, or, for weights, exact in the model's files.</remarks>
internal static class TrainingStateFile
{
    public const string FileName = "managed_training_state.safetensors";
    private const string Format = "tuna-managed-training-state-1";
    private const string Weight = "weight/", First = "first_moment/", Second = "second_moment/", Gradient = "gradient/";

    /// <summary>Writes the state.</summary>
    /// <param name="files">Where to; the model's files go there too.</param>
    /// <param name="parameters">The state.</param>
    /// <param name="share">Whose moments are whose; where they are sharded, all other processes call <see cref="SendMoments"/>
    /// meanwhile.</param>
    /// <param name="withWeights">Whether the weights belong to it because the model's files round them.</param>
    /// <exception cref="InvalidOperationException">A number is not finite; the message names it, and nothing was written.</exception>
    public static unsafe void Save(CheckpointFiles files, LlamaParameters parameters, OptimizerShare share, bool withWeights)
    {
        List<(string Kind, ReadElement Values)> kinds = [];
        if (withWeights)
            kinds.Add((Weight, parameters.WeightsOf));
        float[] collected = share.IsSharded && parameters.HasMoments ? new float[parameters.Slots.Max(s => s.Length)] : [];
        if (parameters.HasMoments)
            kinds.AddRange(share.IsSharded
                ? [(First, slot => Collected(parameters.First, slot)), (Second, slot => Collected(parameters.Second, slot))]
                : [(First, slot => parameters.FirstOf(slot)), (Second, slot => parameters.SecondOf(slot))]);
        if (!parameters.GradientIsZero && parameters.Slots.Any(s => parameters.GradientOf(s).ContainsAnyExcept(0f)))
            kinds.Add((Gradient, slot => parameters.GradientOf(slot)));
        // What others send crosses the wire once: it is checked as it is written.
        foreach ((string kind, ReadElement values) in kinds.Where(k => !share.IsSharded || k.Kind is not (First or Second)))
        {
            foreach (ParameterSlot slot in parameters.Slots)
                RequireFinite(kind, slot, values(slot));
        }

        IEnumerable<TensorSpec> tensors =
            kinds.SelectMany(k => parameters.Slots.Select(s => new TensorSpec(k.Kind + s.Name, TensorDType.F32, s.Shape)));
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = Format };
        using SafetensorsWriter writer = files.Open(FileName, tensors, metadata);
        foreach ((string kind, ReadElement values) in kinds)
        {
            foreach (ParameterSlot slot in parameters.Slots)
            {
                ReadOnlySpan<float> written = values(slot);
                RequireFinite(kind, slot, written);
                writer.Write(kind + slot.Name, written);
            }
        }

        writer.Complete();

        ReadOnlySpan<float> Collected(float* moments, ParameterSlot slot)
        {
            Span<float> whole = collected.AsSpan(0, slot.Length);
            share.Collect(moments, slot.Offset, whole);
            return whole;
        }
    }

    /// <summary>Sends this process's share of the moments to the one that saves.</summary>
    public static unsafe void SendMoments(LlamaParameters parameters, OptimizerShare share)
    {
        if (!parameters.HasMoments)
            return;
        float[] passing = new float[parameters.Slots.Max(s => s.Length)];
        foreach (ParameterSlot slot in parameters.Slots)
            share.Collect(parameters.First, slot.Offset, passing.AsSpan(0, slot.Length));
        foreach (ParameterSlot slot in parameters.Slots)
            share.Collect(parameters.Second, slot.Offset, passing.AsSpan(0, slot.Length));
    }

    private static void RequireFinite(string kind, ParameterSlot slot, ReadOnlySpan<float> values)
    {
        int bad = Finite.IndexOfNonFinite(values);
        if (bad >= 0)
            throw new InvalidOperationException(
                $"Element {bad} of '{kind}{slot.Name}' is {values[bad]}: a training state that is not finite is not saved. Nothing was "
                + $"written.");
    }

    /// <summary>Restores the state. Names, types, shapes and numbers are checked before anything is changed.</summary>
    /// <exception cref="InvalidDataException">A file is missing, damaged or of another model.</exception>
    public static unsafe void Load(WorkerPool pool, string folder, LlamaConfig config, LlamaParameters parameters, OptimizerShare share)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            throw new InvalidDataException($"{path}: there is no such file, so there is no training state to go on from.");
        LlamaConfig saved = LlamaConfig.Load(folder);
        if (!saved.Parameters().Select(p => p.ToString()).SequenceEqual(config.Parameters().Select(p => p.ToString())))
            throw new InvalidDataException(
                $"{folder}: the checkpoint is of another model: its config.json gives other parameters than the policy has.");
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (!file.Metadata.TryGetValue("format", out string? format) || format != Format)
            throw new InvalidDataException($"{path}: not a training state of this engine (format '{format}', expected '{Format}').");
        bool weights = CheckAll(file, parameters, Weight, required: false);
        bool moments = CheckAll(file, parameters, First, required: false);
        CheckAll(file, parameters, Second, required: moments);
        bool gradient = CheckAll(file, parameters, Gradient, required: false);

        using CheckpointReader? model = weights ? null : OpenModel(folder, saved, parameters);
        if (model is null)
            Read(file, parameters, Weight, parameters.WritableWeightsOf);
        else
            ModelFiles.Load(pool, model, saved, parameters);
        parameters.ClearMoments();
        parameters.ClearGradient();
        if (moments)
        {
            parameters.EnsureMoments();
            ReadMoments(First, parameters.First);
            ReadMoments(Second, parameters.Second);
        }

        if (gradient)
        {
            Read(file, parameters, Gradient, parameters.GradientOf);
        }

        void ReadMoments(string kind, float* moments)
        {
            float[] passing = share.IsSharded ? new float[parameters.Slots.Max(s => s.Length)] : [];
            foreach (ParameterSlot slot in parameters.Slots)
            {
                Span<float> whole = share.IsSharded ? passing.AsSpan(0, slot.Length) : new Span<float>(moments + slot.Offset, slot.Length);
                file.Read(kind + slot.Name, whole);
                if (share.IsSharded)
                    share.Take(moments, slot.Offset, whole);
            }
        }
    }

    /// <summary>Opens the model's own files and checks them: a model that is half read would be neither this one nor that.</summary>
    private static CheckpointReader OpenModel(string folder, LlamaConfig saved, LlamaParameters parameters)
    {
        if (saved.DType != TensorDType.F32)
            throw new InvalidDataException(
                $"{folder}: the model's weights are rounded to {saved.DType} and {FileName} does not hold the full-precision ones.");
        CheckpointReader reader = CheckpointReader.Open(folder);
        try
        {
            reader.Compare(saved.Parameters()).ThrowIfUnusable(saved);
            foreach (ParameterSlot slot in parameters.Slots)
            {
                if (reader[slot.Name].DType == TensorDType.F32)
                    CheckFinite(folder, slot.Name, reader.Bytes(slot.Name), signed: true);
            }

            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    private static void CheckFinite(string file, string name, ReadOnlySpan<byte> bytes, bool signed)
    {
        ReadOnlySpan<float> values = MemoryMarshal.Cast<byte, float>(bytes);
        int bad = Finite.IndexOfNonFinite(values);
        if (bad >= 0)
            throw new InvalidDataException(
                $"{file}: element {bad} of tensor '{name}' is {values[bad]}; all numbers of a training state are finite.");
        if (!signed && values.ContainsAnyInRange(float.MinValue, -float.Epsilon))
            throw new InvalidDataException($"{file}: tensor '{name}' has negative numbers; second moments are means of squares.");
    }

    private static bool CheckAll(SafetensorsFile file, LlamaParameters parameters, string kind, bool required)
    {
        if (!required && !file.Tensors.Keys.Any(name => name.StartsWith(kind, StringComparison.Ordinal)))
            return false;
        foreach (ParameterSlot slot in parameters.Slots)
        {
            TensorInfo tensor = file[kind + slot.Name];
            if (tensor.DType != TensorDType.F32 || !tensor.Shape.SequenceEqual(slot.Shape))
                throw new InvalidDataException(
                    $"{file.Path}: tensor '{tensor.Name}' is {tensor.DType} [{string.Join(", ", tensor.Shape)}]; F32 "
                    + $"[{string.Join(", ", slot.Shape)}] is expected.");
            CheckFinite(file.Path, tensor.Name, file.Bytes(tensor.Name), signed: kind != Second);
        }

        return true;
    }

    private static void Read(SafetensorsFile file, LlamaParameters parameters, string kind, Element values)
    {
        foreach (ParameterSlot slot in parameters.Slots)
            file.Read(kind + slot.Name, values(slot));
    }

    private delegate ReadOnlySpan<float> ReadElement(ParameterSlot slot);

    private delegate Span<float> Element(ParameterSlot slot);
}
