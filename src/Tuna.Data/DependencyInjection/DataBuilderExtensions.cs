using Microsoft.Extensions.DependencyInjection.Extensions;
using Tuna.Data.Groups;
using Tuna.Data.Prompts;
using Tuna.DependencyInjection;
using Tuna.Tokenization;

// The namespace every application already has open where it registers services.
#pragma warning disable IDE0130
namespace Microsoft.Extensions.DependencyInjection;
#pragma warning restore IDE0130

/// <summary>Registers what makes token groups of rows.</summary>
public static class DataBuilderExtensions
{
    /// <summary>Adds Alpaca's prompt and a group tokenizer over the <see cref="ITokenizer"/> that is registered.</summary>
    /// <remarks>Nothing already registered is replaced, and calling it twice adds nothing.</remarks>
    public static ITunaBuilder AddGroupTokenizer(this ITunaBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.TryAddSingleton<IPromptTemplate>(AlpacaPromptTemplate.Instance);
        builder.Services.TryAddSingleton(new GroupTokenizerOptions());
        builder.Services.TryAddSingleton(provider => new GroupTokenizer(
            provider.GetRequiredService<ITokenizer>(), provider.GetRequiredService<IPromptTemplate>(),
                provider.GetRequiredService<GroupTokenizerOptions>()));
        return builder;
    }

    /// <summary>Uses a prompt template.</summary>
    public static ITunaBuilder UsePromptTemplate(this ITunaBuilder builder, IPromptTemplate template) =>
        builder.AddGroupTokenizer().Use(template);

    /// <summary>Uses these lengths and rules for token groups.</summary>
    public static ITunaBuilder UseGroupTokenizer(this ITunaBuilder builder, GroupTokenizerOptions options) =>
        builder.AddGroupTokenizer().Use(options);
}
