using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Checkpoints;
using Tuna.Llama.Model;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama;

/// <summary>The TorchSharp LLaMA as a policy: scores, samples and trains on the CPU or a GPU.</summary>
/// <remarks>
/// A group's prompt is computed once; only rows that predict a response token reach the vocabulary, a chunk at a time; a response whose
/// gradient is zero is left out of backward wherever that is cheaper than computing it. On the CPU the same inputs, seed and thread count
/// give the same bits; on a GPU the backward of libtorch's attention may add in another order from run to run. Every public member frees
/// what it made.
/// </remarks>
public sealed partial class LlamaPolicy : TorchPolicy, ITrainablePolicy
{
    private LlamaPolicy(LlamaConfig config, LlamaPolicyOptions options, Action<LlamaBackbone, Passes.TrainingParameters?> fill,
        ModelParts? parts = null)
        : base(config, options, (device, dtype) => NewModel(config, options, device, dtype, parts), fill)
    {
    }

    /// <summary>The module that computes, for inspection; its weights belong to the policy.</summary>
    public LlamaModel Model => (LlamaModel)Backbone;

    /// <summary>Loads a Hugging Face model folder, tensor by tensor: peak memory is the model and one tensor.</summary>
    /// <param name="folder">config.json and *.safetensors, one file or shards; F32, BF16 or F16.</param>
    /// <param name="options">How to compute; the defaults when null.</param>
    /// <exception cref="InvalidDataException">A file is missing or damaged, or tensors are missing, unexpected or have another shape or
    /// type; the message names them.</exception>
    /// <exception cref="NotSupportedException">The folder holds a reward model.</exception>
    /// <exception cref="TorchUnavailableException">libtorch or the device is missing.</exception>
    public static LlamaPolicy Load(string folder, LlamaPolicyOptions? options = null)
    {
        LlamaConfig config = LlamaConfig.Load(folder);
        ModelFiles.Check(folder, config);
        return new LlamaPolicy(config, options ?? new LlamaPolicyOptions(), (model, training) => ModelFiles.Load(folder, model, training));
    }

    /// <summary>Creates a model with random weights: normal with the config's initializer range, norms 1, biases 0.</summary>
    public static LlamaPolicy Create(LlamaConfig config, LlamaPolicyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        return CreateWith(null, config, options ?? new LlamaPolicyOptions());
    }

    /// <summary>The same with parts that are given, which the policy frees; null takes those that suit the device.</summary>
    internal static LlamaPolicy CreateWith(ModelParts? parts, LlamaConfig config, LlamaPolicyOptions options) =>
        new(config.Validate(), options, (model, training) => FreshWeights.Fill(model, training, options.Seed), parts);

    private static LlamaModel NewModel(LlamaConfig config, LlamaPolicyOptions options, Device device, ScalarType dtype, ModelParts? parts)
    {
        var model = new LlamaModel(config, device, dtype, options.Lora, options.BaseWeights);
        if (parts is not null)
            model.Parts = parts;
        return model;
    }
}
