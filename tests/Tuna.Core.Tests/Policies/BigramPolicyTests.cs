using Tuna.Conformance;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Core.Tests.Policies;

/// <summary>The policy that the trainer's tests train, held to what engines are held to.</summary>
public sealed class BigramPolicyTests : PolicyConformance
{
    protected override bool RefusesNonFinite => false;

    protected override bool ReadsHuggingFaceFolders => false;

    protected override ITrainablePolicy CreatePolicy(ulong seed) => new BigramPolicy(vocabulary: 16, seed);

    protected override ITrainablePolicy LoadPolicy(string folder) => BigramPolicy.Load(folder, vocabulary: 16);
}
