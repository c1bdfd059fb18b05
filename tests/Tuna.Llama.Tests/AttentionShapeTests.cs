using Tuna.Llama.Model;
using Tuna.Losses;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama.Tests;

/// <summary>
/// On a GPU attention runs over whole batches, by lengths that are data. Here on the CPU, with the definition in FlashAttention's place:
/// the same results as group by group, and how many kinds of call a file of ranked responses asks for, as its groups come.
/// </summary>
public class AttentionShapeTests
{
    private const int PerStep = 8;

    private static readonly LlamaConfig Config = new()
    {
        VocabularySize = 50, HiddenSize = 8, IntermediateSize = 8, LayerCount = 2, HeadCount = 2, KeyValueHeadCount = 1, HeadDimension = 4,
            ContextLength = 4096, InitializerRange = 0.2,
    };

    [Theory]
    [InlineData(ActivationMode.Keep, false)]
    [InlineData(ActivationMode.Recompute, false)]
    [InlineData(ActivationMode.Keep, true)]
    public void Pass_OverWholeBatches_HasTheNumbersOfGroupByGroup(ActivationMode mode, bool someInactive)
    {
        TokenGroup[] groups = [.. Batches.Random(3, 4, 97),
            .. Batches.Random(2, 1, 97, 5).Select(x => new TokenGroup(x.Id, x.Prompt, [], default, x.Responses[0]))];
        Dictionary<string, float[]> Run(bool whole, out double[] values)
        {
            using LlamaPolicy policy = Tiny.Policy(new() { Activations = mode });
            if (whole)
                Attention(policy);
            using IForwardPass pass = policy.Forward(groups);
            values = pass.Values.ToArray();
            pass.Backward([.. Enumerable.Range(0, values.Length).Select(r => someInactive && r % 3 != 0 ? 0 : 0.1 * (r + 1))]);
            return Tiny.Gradients(policy);
        }

        Dictionary<string, float[]> expected = Run(false, out double[] one), actual = Run(true, out double[] other);
        Assert.All(one.Zip(other), v => Assert.Equal(v.First, v.Second, 1e-4));
        Tiny.AssertClose(expected, actual, 1e-4);
    }

    /// <summary>A planned attention takes tens of milliseconds of the host for every new shape; group by group a file has hundreds of
    /// them.</summary>
    [Fact]
    public void Passes_OverAFile_AskForTwoKindsOfAttentionWhateverTheLengths()
    {
        using LlamaPolicy policy = LlamaPolicy.Create(Config);
        PlainSequenceAttention attention = Attention(policy);
        int passes = 0;
        // the kinds do not depend on how many: each pass is counted below
        foreach (TokenGroup[] step in RankedFile.Groups().Chunk(PerStep).Take(12))
        {
            (int forwards, int backwards) = (attention.Forwards, attention.Backwards);
            Batches.Accumulate(policy, new MaximumLikelihoodLoss(MaximumLikelihoodTarget.AllResponses), step);
            policy.ClearGradients();
            passes++;
            Assert.InRange(attention.Forwards - forwards, 1, 2 * Config.LayerCount);
            Assert.InRange(attention.Backwards - backwards, 1, 2 * Config.LayerCount);
        }

        Assert.InRange(attention.Kernels.Count, 1, 2);
        int shapes = RankedFile.ShapesGroupByGroup(RankedFile.Groups());
        Assert.True(passes > 0 && shapes > 100, $"{shapes} shapes: the file is too even to show anything");
    }

    /// <summary>Sampling: the cache's room, which the device's decoding depends on, and the lengths that libtorch's masked attention sees
    /// on a GPU.</summary>
    [Fact]
    public void Sampling_OverAFile_MeetsFewRooms()
    {
        (int rooms, int lengths) = RankedFile.SamplingShapes(RankedFile.Groups());
        Assert.InRange(rooms, 1, 12);
        Assert.InRange(lengths, 1, 20);
    }

    private static PlainSequenceAttention Attention(LlamaPolicy policy)
    {
        var attention = new PlainSequenceAttention();
        policy.Backbone.Parts = new ModelParts(policy.Config, CPU, torch.ScalarType.Float32, kernels: false, attention);
        return attention;
    }

    private static torch.Device CPU => torch.CPU;
}
