using System.Globalization;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Model;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Checkpoints;

/// <summary>Moments, accumulated gradients and, where the model's files do not hold them exactly, the weights: one safetensors
/// file.</summary>
internal static class TrainingStateFile
{
    public const string Name = "torch_training_state.safetensors";

    private const string Master = "master.", Moment1 = "exp_avg.", Moment2 = "exp_avg_sq.", Gradient = "gradient.";
    private const string Passes = "passes", Engine = "engine", EngineName = "Tuna.Llama", WeightsHere = "weights";

    public static void Save(CheckpointFiles files, TrainingParameters training, Copies? copies, bool weights, long passes)
    {
        var tensors = new List<(string Name, TrainedParameter Parameter, Func<Tensor?> Tensor)>();
        foreach (TrainedParameter p in training.List)
        {
            if (weights)
                tensors.Add((Master + p.Name, p, p.Exact));
            if (HasMoments(p, copies))
            {
                tensors.Add((Moment1 + p.Name, p, () => Moment(p, copies, q => q.Moment1())));
                tensors.Add((Moment2 + p.Name, p, () => Moment(p, copies, q => q.Moment2())));
            }

            if (p.Weight.Gradient is not null)
                tensors.Add((Gradient + p.Name, p, p.Gradient));
        }

        var metadata = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [Engine] = EngineName,
            [Passes] = passes.ToString(CultureInfo.InvariantCulture),
            [WeightsHere] = weights ? "here" : "model",
        };
        using SafetensorsWriter writer = files.Open(Name,
            tensors.Select(t => new TensorSpec(t.Name, TensorDType.F32, t.Parameter.Parameter.shape)), metadata);
        writer.RequireFinite = true;
        foreach ((string name, _, Func<Tensor?> tensor) in tensors)
        {
            using DisposeScope scope = NewDisposeScope();
            TensorFiles.Write(writer, name, tensor()!, TensorDType.F32);
        }

        writer.Complete();
    }

    /// <summary>Sends this process's share of the moments to the one that saves, in the order of the file.</summary>
    public static void SendMoments(TrainingParameters training, Copies copies)
    {
        foreach (TrainedParameter p in training.List.Where(p => HasMoments(p, copies)))
        {
            using DisposeScope scope = NewDisposeScope();
            Moment(p, copies, q => q.Moment1());
            Moment(p, copies, q => q.Moment2());
        }
    }

    private static bool HasMoments(TrainedParameter parameter, Copies? copies) =>
        copies is { IsSharded: true } ? copies.HasMoments : parameter.Weight.Moments is not null;

    private static Tensor? Moment(TrainedParameter parameter, Copies? copies, Func<TrainedParameter, Tensor?> read) =>
        copies is null ? read(parameter) : copies.Collect(parameter, read);

    /// <summary>Restores the state; everything is checked before anything changes.</summary>
    /// <returns>The number of passes opened so far.</returns>
    public static long Load(string folder, LlamaBackbone model, TrainingParameters training, Copies? copies)
    {
        string path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            throw new InvalidDataException($"{path}: there is no such file; the folder holds no training state of this engine.");
        using SafetensorsFile file = SafetensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault(Engine) != EngineName
            || !long.TryParse(file.Metadata.GetValueOrDefault(Passes), NumberStyles.None, CultureInfo.InvariantCulture, out long passes))
            throw new InvalidDataException($"{path}: not a training state of {EngineName}.");
        bool weights = file.Metadata.GetValueOrDefault(WeightsHere) == "here";
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (TrainedParameter p in training.List)
        {
            foreach (string prefix in new[] { Master, Moment1, Moment2, Gradient })
            {
                string name = prefix + p.Name;
                known.Add(name);
                if (file.Tensors.TryGetValue(name, out TensorInfo? info)
                    ? info.DType != TensorDType.F32 || !info.Shape.SequenceEqual(p.Parameter.shape) : prefix == Master && weights)
                    throw new InvalidDataException(
                        $"{path}: tensor '{name}' is missing or does not fit the model's [{string.Join(", ", p.Parameter.shape)}].");
            }
        }

        if (file.Tensors.Keys.FirstOrDefault(n => !known.Contains(n)) is { } stranger)
            throw new InvalidDataException(
                $"{path}: tensor '{stranger}' belongs to no trained parameter; the state is of another model or of other adapters.");
        foreach (string name in file.Tensors.Keys)
            file.RequireFinite(name);
        if (file.Tensors.Keys.FirstOrDefault(n => n.StartsWith(Moment2, StringComparison.Ordinal) && Smallest(n) < 0) is { } negative)
            throw new InvalidDataException($"{path}: tensor '{negative}' holds {Smallest(negative)}; a mean of squares is not negative.");
        if (!weights)
            ModelFiles.Load(folder, model, training);
        foreach (TrainedWeight weight in training.Weights)
            weight.Reset();
        foreach (TrainedParameter p in training.List)
        {
            using DisposeScope scope = NewDisposeScope();
            bool own = copies?.IsOwn(p.Weight) ?? true;
            p.Restore(Get(Master, p), own ? Get(Moment1, p) : null, own ? Get(Moment2, p) : null, Get(Gradient, p));
        }

        if (copies is not null)
            copies.HasMoments = training.List.Any(p => file.Tensors.ContainsKey(Moment1 + p.Name));

        return passes;

        float Smallest(string name)
        {
            using Tensor stored = TensorFiles.Read(file.Bytes(name), file[name]), smallest = stored.min();
            return smallest.item<float>();
        }

        Tensor? Get(string prefix, TrainedParameter p) =>
            file.Tensors.TryGetValue(prefix + p.Name, out TensorInfo? info) ? TensorFiles.Read(file.Bytes(prefix + p.Name), info) : null;
    }
}
