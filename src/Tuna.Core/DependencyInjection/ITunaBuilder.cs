using Microsoft.Extensions.DependencyInjection;

namespace Tuna.DependencyInjection;

/// <summary>Where the packages' extension methods add their services; made by
/// <see cref="TunaServiceCollectionExtensions.AddTuna"/>.</summary>
public interface ITunaBuilder
{
    /// <summary>The application's services.</summary>
    IServiceCollection Services { get; }
}
