using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Checkpoints;
using Tuna.Llama.Model;
using Tuna.Llama.Passes;
using Tuna.Llama.Tensors;
using Tuna.Policies;

namespace Tuna.Llama;

/// <summary>A reward model on TorchSharp: a LLaMA with a linear head that gives each response a reward.</summary>
/// <remarks>
/// The reward is w . h, h being the last norm's output at the response's last token and w <c>score.weight</c>, [1, D], in single precision.
/// It is what
/// <see cref="IResponseScorer.Score"/> gives, so that trainer and losses need not know the difference. The layout on disk is that of a
/// Hugging Face sequence classifier with one label, which both engines read; there is no language-model head. With LoRA the head is trained
/// whole, beside the adapters.
/// </remarks>
public sealed class LlamaRewardModel : TorchPolicy
{
    private LlamaRewardModel(LlamaConfig config, LlamaPolicyOptions options, Action<LlamaBackbone, TrainingParameters?> fill)
        : base(LlamaScorer.AsClassifier(config), options, (device, dtype) =>
            new LlamaScorer(config, device, dtype, options.Lora, options.BaseWeights), fill)
    {
    }

    /// <summary>The module that computes, for inspection; its weights belong to the reward model.</summary>
    public LlamaScorer Model => (LlamaScorer)Backbone;

    /// <summary>Loads a model folder: a saved reward model, or a policy whose body the reward model starts from; its head is then fresh,
    /// from <see cref="LlamaPolicyOptions.Seed"/>.</summary>
    /// <param name="folder">config.json and *.safetensors, one file or shards; F32, BF16 or F16.</param>
    /// <param name="options">How to compute; the defaults when null.</param>
    /// <exception cref="InvalidDataException">A file is missing or damaged, or tensors are missing, unexpected or have another shape or
    /// type; the message names them.</exception>
    /// <exception cref="TorchUnavailableException">libtorch or the device is missing.</exception>
    public static LlamaRewardModel Load(string folder, LlamaPolicyOptions? options = null)
    {
        options ??= new LlamaPolicyOptions();
        LlamaConfig config = LlamaConfig.Load(folder);
        ModelFiles.Check(folder, config with { ScalarHead = true }, headMayBeMissing: !config.ScalarHead);
        return new LlamaRewardModel(config, options, (model, training) =>
        {
            if (!ModelFiles.Load(folder, model, training, headMayBeMissing: !config.ScalarHead))
                FreshWeights.FillHead(model, training, options.Seed);
        });
    }

    /// <summary>Creates a model with random weights: normal with the config's initializer range, norms 1, biases 0.</summary>
    public static LlamaRewardModel Create(LlamaConfig config, LlamaPolicyOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        options ??= new LlamaPolicyOptions();
        return new LlamaRewardModel(config.Validate(), options, (model, training) => FreshWeights.Fill(model, training, options.Seed));
    }
}
