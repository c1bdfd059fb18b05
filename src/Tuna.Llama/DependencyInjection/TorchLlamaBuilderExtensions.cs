using Tuna.DependencyInjection;
using Tuna.Llama;

// The namespace every application already has open where it registers services.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Registers models of the TorchSharp engine.</summary>
public static class TorchLlamaBuilderExtensions
{
    /// <summary>Adds a policy from a model folder, opened when it is first asked for.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="folder">The folder, as for <see cref="LlamaPolicy.Load"/>.</param>
    /// <param name="options">Options; null for the defaults.</param>
    /// <param name="key">Its key; null for the model that the trainer, rankers and teachers take.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static ITunaBuilder AddTorchLlama(this ITunaBuilder builder, string folder, LlamaPolicyOptions? options = null,
        object? key = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options?.Validate();
        return builder.AddPolicy(_ => LlamaPolicy.Load(folder, options), key);
    }

    /// <summary>Adds a reward model from a model folder, opened when it is first asked for.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="folder">The folder, as for <see cref="LlamaRewardModel.Load"/>.</param>
    /// <param name="options">Options; null for the defaults.</param>
    /// <param name="key">Its key; null for the model that the trainer takes.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static ITunaBuilder AddTorchRewardModel(this ITunaBuilder builder, string folder, LlamaPolicyOptions? options = null,
        object? key = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options?.Validate();
        return builder.AddScorer(_ => LlamaRewardModel.Load(folder, options), key);
    }
}
