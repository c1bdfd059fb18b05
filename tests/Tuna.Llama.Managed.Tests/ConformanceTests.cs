using Tuna.Conformance;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests;

/// <summary>The embedded policy, held to what every engine is held to.</summary>
public sealed class ManagedLlamaConformanceTests : PolicyConformance
{
    protected override ITrainablePolicy CreatePolicy(ulong seed) => Models.Create(seed: seed);

    protected override ITrainablePolicy LoadPolicy(string folder) => ManagedLlama.Load(folder, new() { Threads = 2 });
}

/// <summary>The embedded reward model likewise.</summary>
public sealed class ManagedRewardModelConformanceTests : ScorerConformance
{
    protected override ITrainableScorer Create(ulong seed) => ManagedRewardModel.Create(Models.Config, new() { Seed = seed, Threads = 2 });

    protected override ITrainableScorer Load(string folder) => ManagedRewardModel.Load(folder, new() { Threads = 2 });
}
