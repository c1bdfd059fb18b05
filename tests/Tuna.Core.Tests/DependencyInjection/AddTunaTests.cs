using Microsoft.Extensions.DependencyInjection;
using Tuna.Data.Prompts;
using Tuna.Data.Groups;
using Tuna.Core.Tests.Training;
using Tuna.Losses;
using Tuna.Policies;
using Tuna.Testing;
using Tuna.Training;

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

    [Fact]
    public void Add_TwiceOrWithKeys_TheLastOneWinsAndKeysStandBesideEachOther()
    {
        var services = new ServiceCollection();
        IRankingLoss first = new HingeLoss(0.1), second = new HingeLoss(0.2), keyed = new HingeLoss(0.3), replaced = new HingeLoss(0.4);
        services.AddTuna().AddLoss(replaced, "stage 2").AddLoss(first).AddLoss(keyed, "stage 2").AddLoss(second);
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.Same(second, provider.GetRequiredService<IRankingLoss>());
        Assert.Same(second, Assert.Single(provider.GetServices<IRankingLoss>()));
        Assert.Same(keyed, provider.GetRequiredKeyedService<IRankingLoss>("stage 2"));
    }

    [Fact]
    public void AddPolicy_EveryContract_IsOneInstanceThatTheContainerDisposes()
    {
        var services = new ServiceCollection();
        services.AddTuna().AddPolicy(_ => new BigramPolicy(seed: 1)).AddPolicy(_ => new BigramPolicy(seed: 2), "other");
        BigramPolicy policy, other;
        using (ServiceProvider provider = services.BuildServiceProvider())
        {
            policy = provider.GetRequiredService<BigramPolicy>();
            other = provider.GetRequiredKeyedService<BigramPolicy>("other");
            Assert.NotSame(policy, other);
            Assert.Same(policy, provider.GetRequiredService<IPolicyModel>());
            Assert.Same(policy, provider.GetRequiredService<IResponseScorer>());
            Assert.Same(policy, provider.GetRequiredService<ITrainableScorer>());
            Assert.Same(policy, provider.GetRequiredService<ITrainablePolicy>());
            Assert.Same(other, provider.GetRequiredKeyedService<ITrainableScorer>("other"));
        }

        Assert.Throws<ObjectDisposedException>(policy.ClearGradients);
        Assert.Throws<ObjectDisposedException>(other.ClearGradients);
    }

    [Fact]
    public void AddTrainer_TrainsTheRegisteredModelWithTheRegisteredLoss()
    {
        var services = new ServiceCollection();
        services.AddTuna()
            .AddPolicy(_ => new BigramPolicy())
            .AddLoss(new HingeLoss())
            .AddLoss(new HingeLoss(margin: 1), "wide")
            .AddTrainer(TrainingFixtures.Options)
            .AddTrainer(TrainingFixtures.Options with { Epochs = 1 }, "wide");
        using ServiceProvider provider = services.BuildServiceProvider();
        TrainingResult result = provider.GetRequiredService<RankingTrainer>().Train(TrainingFixtures.Groups(12));
        using var policy = new BigramPolicy();
        Assert.Equal(new RankingTrainer(policy, new HingeLoss(), TrainingFixtures.Options).Train(TrainingFixtures.Groups(12)).History,
            result.History);
        Assert.True(policy.Table.SequenceEqual(provider.GetRequiredService<BigramPolicy>().Table));
        Assert.Equal(2, provider.GetRequiredKeyedService<RankingTrainer>("wide").Train(TrainingFixtures.Groups(12)).Steps);
        Assert.Throws<ArgumentOutOfRangeException>(() => services.AddTuna().AddTrainer(new() { Epochs = 0 }));
    }
}
