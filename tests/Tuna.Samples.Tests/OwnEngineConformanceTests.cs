using Tuna.Conformance;
using Tuna.Models.Checkpoints;
using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Testing;

namespace Tuna.Samples.Tests;

/// <summary>The sample's engine, held to what every engine is held to.</summary>
public sealed class OwnEngineConformanceTests : ScorerConformance
{
    private const int Vocabulary = 32;

    protected override bool RefusesNonFinite => false;

    protected override bool ReadsHuggingFaceFolders => false;

    protected override ITrainableScorer Create(ulong seed)
    {
        using var folder = new TempFolder();
        var rng = new Rng(seed);
        using (var writer = new SafetensorsWriter(folder["model.safetensors"], [new TensorSpec("weights", TensorDType.F32, [Vocabulary])]))
        {
            writer.Write("weights", Enumerable.Range(0, Vocabulary).Select(_ => (float)(0.2 * rng.NextGaussian())).ToArray());
            writer.Complete();
        }

        return Load(folder.Root);
    }

    protected override ITrainableScorer Load(string folder)
    {
        var model = new TokenRewards(Vocabulary);
        model.Open(folder);
        return model;
    }
}
