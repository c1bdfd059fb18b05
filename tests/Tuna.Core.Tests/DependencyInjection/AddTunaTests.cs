using Microsoft.Extensions.DependencyInjection;
using Tuna.Data.Prompts;
using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Tuna.Core.Tests.DependencyInjection;

public class AddTunaTests
{
    [Fact]
    public void AddTuna_WithTokenizer_ResolvesTheGroupTokenizer()
    {
        var services = new ServiceCollection();
        services.AddTuna().UseTokenizer(ByteTokenizer.Instance).UseGroupTokenizer(new() { MaxLength = 99 });
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Equal(99, provider.GetRequiredService<GroupTokenizer>().Options.MaxLength);
        Assert.Same(AlpacaPromptTemplate.Instance, provider.GetRequiredService<IPromptTemplate>());
        Assert.Same(TimeProvider.System, provider.GetRequiredService<TimeProvider>());
    }

    [Fact]
    public void AddTuna_AfterOwnRegistration_KeepsIt()
    {
        var own = new DelegatePromptTemplate((instruction, _) => instruction);
        var services = new ServiceCollection();
        services.AddSingleton<IPromptTemplate>(own);
        services.AddTuna().AddGroupTokenizer();
        int count = services.Count;
        services.AddTuna().AddGroupTokenizer();
        Assert.Equal(count, services.Count);
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Same(own, provider.GetRequiredService<IPromptTemplate>());
    }

    [Fact]
    public void UsePromptTemplate_AfterAddTuna_Replaces()
    {
        var own = new DelegatePromptTemplate((instruction, _) => instruction);
        var services = new ServiceCollection();
        services.AddTuna().UsePromptTemplate(own);
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Same(own, Assert.Single(provider.GetServices<IPromptTemplate>()));
    }
}
