using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Lora;
using Tuna.Llama.Model;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Checkpoints;

/// <summary>The model's weights in Hugging Face folders.</summary>
internal static class ModelFiles
{
    /// <summary>Checks a folder's tensors against a config, before anything is built.</summary>
    /// <exception cref="InvalidDataException">They are not those of the config.</exception>
    public static void Check(string folder, LlamaConfig config, bool headMayBeMissing = false)
    {
        using CheckpointReader reader = CheckpointReader.Open(folder);
        reader.Check(config, headMayBeMissing);
    }

    /// <summary>Reads all weights but the adapters', each straight to its place: peak memory is the model and one tensor.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="model">The model.</param>
    /// <param name="training">Its masters, when it is trained.</param>
    /// <param name="headMayBeMissing">Whether the model's head may be left as it is.</param>
    /// <returns>Whether the head was there.</returns>
    /// <exception cref="InvalidDataException">Tensors are missing, unexpected, of another shape or of a type that weights do not have, or
    /// hold a NaN or an infinity.</exception>
    public static bool Load(string folder, LlamaBackbone model, TrainingParameters? training, bool headMayBeMissing = false)
    {
        using CheckpointReader reader = CheckpointReader.Open(folder);
        string head = model.ResponseHead.Name;
        bool found = !headMayBeMissing || reader.Names.Contains(head);
        reader.Compare(model.Config.Parameters().Where(p => found || p.Name != head)).ThrowIfUnusable(model.Config);
        Dictionary<string, TrainedParameter> trained = training?.List.ToDictionary(p => p.Name, StringComparer.Ordinal) ?? [];
        using IDisposable mode = no_grad();
        List<(string Name, WeightPart Part)> read =
            [.. model.NamedParts().Where(p => !LoraNames.IsAdapter(p.Name) && (found || p.Name != head)).Select(p => (p.Name, p.Part))];
        foreach ((string name, _) in read)
            reader.RequireFinite(name); // all of them before anything changes
        foreach ((string name, WeightPart part) in read)
        {
            using Tensor stored = TensorFiles.Read(reader.Bytes(name), reader[name]);
            if (trained.TryGetValue(name, out TrainedParameter? own))
                own.Assign(stored);
            else
                Weight.Assign(part, stored);
        }

        return found;
    }

    /// <summary>Writes config.json and the weights, adapters merged.</summary>
    public static void Save(CheckpointFiles files, LlamaBackbone model, TrainingParameters? training, TensorDType type)
    {
        Dictionary<string, Func<Tensor>> weights = Weights(model, training);
        Dictionary<string, Projection> adapted = Adapted(model);
        var specs = model.Config.Parameters().Select(p => new TensorSpec(p.Name, type, p.Shape)).ToList();
        CheckpointWriter.Write(files, specs, (writer, spec) =>
        {
            using DisposeScope scope = NewDisposeScope();
            Tensor weight = adapted.TryGetValue(spec.Name, out Projection? projection)
                ? Merged(projection, weights, spec.Name) : weights[spec.Name]();
            TensorFiles.Write(writer, spec.Name, weight, type);
        });
        (model.Config with { DType = type }).Save(files); // last: it makes the folder a model
    }

    /// <summary>Every parameter's most exact value, computed when it is asked for, in the caller's scope.</summary>
    public static Dictionary<string, Func<Tensor>> Weights(LlamaBackbone model, TrainingParameters? training)
    {
        Dictionary<string, Func<Tensor>> weights = model.NamedParts()
            .ToDictionary(p => p.Name, p => (Func<Tensor>)(() => p.Weight.Value(p.Part)), StringComparer.Ordinal);
        foreach (TrainedParameter parameter in training?.List ?? [])
            weights[parameter.Name] = parameter.Exact;
        return weights;
    }

    private static Dictionary<string, Projection> Adapted(LlamaBackbone model)
    {
        var adapted = new Dictionary<string, Projection>(StringComparer.Ordinal);
        foreach ((DecoderLayer layer, int l) in model.Layers.Select((layer, l) => (layer, l)))
        {
            foreach ((string name, Projection projection) in layer.Projections().Where(p => p.Projection.LoraA is not null))
                adapted[$"model.layers.{l}.{name}.weight"] = projection;
        }

        return adapted;
    }

    /// <summary>W + (alpha / r) B A in single precision.</summary>
    private static Tensor Merged(Projection projection, Dictionary<string, Func<Tensor>> weights, string name)
    {
        using IDisposable mode = no_grad();
        string prefix = name[..^"weight".Length];
        Tensor a = weights[prefix + LoraNames.A]().to(ScalarType.Float32), b = weights[prefix + LoraNames.B]().to(ScalarType.Float32);
        return projection.Value().to(ScalarType.Float32) + (b.matmul(a) * projection.Scaling);
    }
}
