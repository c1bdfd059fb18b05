using Microsoft.Extensions.DependencyInjection.Extensions;
using Tuna.DependencyInjection;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Tokenization;
using Tuna.Training;

// The namespace every application already has open where it registers services.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Registers Tuna with a service collection.</summary>
/// <remarks>
/// One rule for engines, losses, rankers and the trainer: of the registrations without a key the last one wins; with a key each stands
/// beside the others, the last one of a key winning.
/// Everything is a singleton and also works by <c>new</c>.
/// </remarks>
public static class TunaServiceCollectionExtensions
{
    /// <summary>Adds what every Tuna application shares: the clock.</summary>
    /// <remarks>Calling it twice adds nothing. No model, loss or ranker is chosen: their packages add them to the builder.</remarks>
    public static ITunaBuilder AddTuna(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(TimeProvider.System);
        return new Builder(services);
    }

    /// <summary>Adds a service by the rule of all Tuna's registrations; for extension methods of packages.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="create">Makes the service, once.</param>
    /// <param name="key">Its key; null for the one that is asked for without a key.</param>
    public static ITunaBuilder Add<T>(this ITunaBuilder builder, Func<IServiceProvider, T> create, object? key = null)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(create);
        foreach (ServiceDescriptor before in builder.Services.Where(s => s.ServiceType == typeof(T) && Equals(s.ServiceKey, key)).ToList())
            builder.Services.Remove(before);
        if (key is null)
            builder.Services.AddSingleton(create);
        else
            builder.Services.AddKeyedSingleton(key, (services, _) => create(services));
        return builder;
    }

    /// <summary>Uses a tokenizer.</summary>
    public static ITunaBuilder UseTokenizer(this ITunaBuilder builder, ITokenizer tokenizer) => builder.Use(tokenizer);

    /// <summary>Uses a service that exists, in place of any registered before.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="service">The service; the application disposes it.</param>
    public static ITunaBuilder Use<T>(this ITunaBuilder builder, T service)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(service);
        builder.Services.Replace(ServiceDescriptor.Singleton(service));
        return builder;
    }

    /// <summary>Adds an objective.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="key">Its key; null for the one that the trainer takes.</param>
    public static ITunaBuilder AddLoss(this ITunaBuilder builder, IRankingLoss loss, object? key = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        return builder.Add(_ => loss, key);
    }

    /// <summary>Adds a policy engine: one instance, found as each contract that it fulfils.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="create">Opens the model, when it is first asked for; the container disposes it.</param>
    /// <param name="key">Its key; null for the model that the trainer, rankers and teachers take.</param>
    public static ITunaBuilder AddPolicy<T>(this ITunaBuilder builder, Func<IServiceProvider, T> create, object? key = null)
        where T : class, ITrainablePolicy =>
        builder.AddScorer(create, key)
            .Add<ITrainablePolicy>(services => Of<T>(services, key), key)
            .Add<IPolicyModel>(services => Of<T>(services, key), key);

    /// <summary>Adds a reward model: one instance, found as <typeparamref name="T"/>, <see cref="ITrainableScorer"/> and
    /// <see cref="IResponseScorer"/>.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="create">Opens the model, when it is first asked for; the container disposes it.</param>
    /// <param name="key">Its key; null for the model that the trainer takes.</param>
    public static ITunaBuilder AddScorer<T>(this ITunaBuilder builder, Func<IServiceProvider, T> create, object? key = null)
        where T : class, ITrainableScorer =>
        builder.Add(create, key)
            .Add<ITrainableScorer>(services => Of<T>(services, key), key)
            .Add<IResponseScorer>(services => Of<T>(services, key), key);

    /// <summary>Adds a trainer of the registered model with the registered loss.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="options">How to train.</param>
    /// <param name="key">The key of the trainer, and of its model and loss where some are registered under it; otherwise those without a
    /// key.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of range.</exception>
    public static ITunaBuilder AddTrainer(this ITunaBuilder builder, TrainerOptions options, object? key = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        return builder.Add(
            services => new RankingTrainer(
                Preferred<ITrainableScorer>(services, key),
                Preferred<IRankingLoss>(services, key),
                options,
                services.GetService<Logging.ILogger<RankingTrainer>>(),
                services.GetService<TimeProvider>(),
                services.GetService<System.Diagnostics.Metrics.IMeterFactory>()),
            key);
    }

    private static T Preferred<T>(IServiceProvider services, object? key)
        where T : class =>
        (key is null ? null : services.GetKeyedService<T>(key)) ?? services.GetRequiredService<T>();

    private static T Of<T>(IServiceProvider services, object? key)
        where T : class =>
        key is null ? services.GetRequiredService<T>() : services.GetRequiredKeyedService<T>(key);

    private sealed record Builder(IServiceCollection Services) : ITunaBuilder;
}
