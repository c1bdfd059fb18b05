using Tuna.Conformance;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

/// <summary>The TorchSharp policy, held to what every engine is held to.</summary>
public sealed class LlamaPolicyConformanceTests : PolicyConformance
{
    protected override ITrainablePolicy CreatePolicy(ulong seed) => Tiny.Policy(new() { Seed = seed });

    protected override ITrainablePolicy LoadPolicy(string folder) => LlamaPolicy.Load(folder);
}

/// <summary>The TorchSharp reward model likewise.</summary>
public sealed class LlamaRewardModelConformanceTests : ScorerConformance
{
    protected override ITrainableScorer Create(ulong seed) => LlamaRewardModel.Create(Tiny.Config, new() { Seed = seed });

    protected override ITrainableScorer Load(string folder) => LlamaRewardModel.Load(folder);
}
