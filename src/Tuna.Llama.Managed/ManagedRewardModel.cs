using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Checkpoints;
using Tuna.Llama.Managed.Model;
using Tuna.Numerics;
using Tuna.Policies;

namespace Tuna.Llama.Managed;

/// <summary>A reward model: a LLaMA with a linear head that gives each response a reward.</summary>
/// <remarks>
/// The reward is w . h, h being the last norm's output at the response's last token and w <c>score.weight</c>, [1, D]. It is what
/// <see cref="IResponseScorer.Score"/> gives, so that trainer and losses need not know the difference. The layout on disk is that of a
/// Hugging Face sequence classifier with one label; there is no language-model head.
/// </remarks>
public sealed class ManagedRewardModel : ManagedPolicy
{
    private ManagedRewardModel(LlamaConfig config, ManagedLlamaOptions? options)
        : base(config, options, (parameters, _, _, _) => new RewardHead(config, parameters))
    {
    }

    /// <summary>Loads a model folder: a saved reward model, or a policy whose body the reward model starts from; its head is then
    /// fresh.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="options">Options, the seed of a fresh head among them; null for the defaults.</param>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="InvalidDataException">A file is missing or damaged, a tensor is missing, unexpected or of another shape or type, or
    /// a weight is not finite.</exception>
    /// <exception cref="NotSupportedException">The config asks for what the engine does not have; the message names the key.</exception>
    public static ManagedRewardModel Load(string folder, ManagedLlamaOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        using CheckpointReader reader = CheckpointReader.Open(folder);
        LlamaConfig config = LlamaConfig.Load(folder) with { ScalarHead = true };
        reader.Check(config, headMayBeMissing: true);
        var model = new ManagedRewardModel(config, options);
        try
        {
            if (!ModelFiles.Load(model.Pool, reader, model.Config, model.Parameters, optional: RewardHead.WeightName))
                ModelFiles.Initialize(model.Config, model.Parameters, model.Parameters.Slots[^1],
                    Rng.Derive(model.Options.Seed, (ulong)model.Parameters.Slots.Count - 1));
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Creates a model with fresh weights: norms 1, biases 0, everything else normal with standard deviation
    /// <see cref="LlamaConfig.InitializerRange"/>.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="options">Options, the seed of the weights among them; null for the defaults.</param>
    public static ManagedRewardModel Create(LlamaConfig config, ManagedLlamaOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        var model = new ManagedRewardModel(config with { ScalarHead = true }, options);
        ModelFiles.Initialize(model.Config, model.Parameters, model.Options.Seed);
        return model;
    }
}
