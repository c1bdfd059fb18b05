using Tuna.DependencyInjection;
using Tuna.Llama.Managed;

// The namespace every application already has open where it registers services.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Registers models of the embedded engine.</summary>
public static class ManagedLlamaBuilderExtensions
{
    /// <summary>Adds a policy from a model folder, opened when it is first asked for.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="folder">The folder, as for <see cref="ManagedLlama.Load"/>.</param>
    /// <param name="options">Options; null for the defaults.</param>
    /// <param name="key">Its key; null for the model that the trainer, rankers and teachers take.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static ITunaBuilder AddManagedLlama(this ITunaBuilder builder, string folder, ManagedLlamaOptions? options = null,
        object? key = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options?.Validate();
        return builder.AddPolicy(_ => ManagedLlama.Load(folder, options), key);
    }

    /// <summary>Adds a reward model from a model folder, opened when it is first asked for.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="folder">The folder, as for <see cref="ManagedRewardModel.Load"/>.</param>
    /// <param name="options">Options; null for the defaults.</param>
    /// <param name="key">Its key; null for the model that the trainer takes.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static ITunaBuilder AddManagedRewardModel(this ITunaBuilder builder, string folder, ManagedLlamaOptions? options = null,
        object? key = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        options?.Validate();
        return builder.AddScorer(_ => ManagedRewardModel.Load(folder, options), key);
    }
}
