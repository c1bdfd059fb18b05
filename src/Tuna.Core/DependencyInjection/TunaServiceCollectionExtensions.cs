using Microsoft.Extensions.DependencyInjection.Extensions;
using Tuna.DependencyInjection;
using Tuna.Tokenization;

// The namespace every application already has open where it registers services.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Registers Tuna with a service collection.</summary>
public static class TunaServiceCollectionExtensions
{
    /// <summary>Adds what every Tuna application shares: the clock.</summary>
    /// <remarks>Nothing already registered is replaced, and calling it twice adds nothing. No model, loss or ranker is chosen: their packages add them to the builder.</remarks>
    public static ITunaBuilder AddTuna(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(TimeProvider.System);
        return new Builder(services);
    }

    /// <summary>Uses a tokenizer.</summary>
    public static ITunaBuilder UseTokenizer(this ITunaBuilder builder, ITokenizer tokenizer) => builder.Use(tokenizer);

    /// <summary>Uses a service in place of any registered before: "Use" is the application's own word.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="service">The service.</param>
    public static ITunaBuilder Use<T>(this ITunaBuilder builder, T service)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(service);
        builder.Services.Replace(ServiceDescriptor.Singleton(service));
        return builder;
    }

    private sealed record Builder(IServiceCollection Services) : ITunaBuilder;
}
