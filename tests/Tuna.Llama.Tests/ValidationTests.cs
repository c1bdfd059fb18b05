using Tuna.Policies;
using Tuna.Models;

namespace Tuna.Llama.Tests;

/// <summary>A wrong input is an exception: libtorch would end the process on some of these.</summary>
public class ValidationTests
{
    private static TokenGroup Group(int[] prompt, params int[][] responses) =>
        new("the group", prompt, [.. responses.Select(r => (ReadOnlyMemory<int>)r)], new double[responses.Length]);

    public static TheoryData<int[], int[], string> Bad => new()
    {
        { [1, 97], [3], "97" },
        { [1], [-1], "-1" },
        { [1], [.. Enumerable.Repeat(3, 64)], "context" },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void ScoreAndForward_BadGroup_NameItAndTheReason(int[] prompt, int[] response, string reason)
    {
        using LlamaPolicy policy = Tiny.Policy();
        TokenGroup group = Group(prompt, response);
        foreach (Action use in new Action[] { () => policy.Score([group], new double[1]), () => policy.Forward([group]) })
        {
            ArgumentException e = Assert.Throws<ArgumentException>(use);
            Assert.Contains("the group", e.Message, StringComparison.Ordinal);
            Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Score_WrongRoom_Throws()
    {
        using LlamaPolicy policy = Tiny.Policy();
        Assert.Throws<ArgumentException>(() => policy.Score([Group([1], [3], [4])], new double[1]));
    }

    [Fact]
    public void Backward_WrongLengthOrNaN_Throws()
    {
        using LlamaPolicy policy = Tiny.Policy();
        using IForwardPass pass = policy.Forward([Group([1], [3], [4])]);
        Assert.Throws<ArgumentException>(() => pass.Backward(new double[1]));
        Assert.Throws<ArgumentException>(() => pass.Backward([0, double.NaN]));
    }

    [Fact]
    public void ApplyGradients_NotFiniteOrWhileAPassIsOpen_ThrowsAndMovesNothing()
    {
        using LlamaPolicy policy = Tiny.Policy();
        var settings = new AdamWSettings { WeightDecay = 0.1 };
        float[] before = policy.Model.named_parameters().First().parameter.data<float>().ToArray();
        Assert.Throws<ArgumentOutOfRangeException>(() => policy.ApplyGradients(new AdamWStep(1, double.NaN, 1, settings)));
        Assert.Throws<ArgumentOutOfRangeException>(() => policy.ApplyGradients(new AdamWStep(1, 0.1, double.PositiveInfinity, settings)));
        using (policy.Forward([Group([1], [3], [4])]))
            Assert.Throws<InvalidOperationException>(() => policy.ApplyGradients(new AdamWStep(1, 0.1, 1, settings)));
        Assert.Equal(before, policy.Model.named_parameters().First().parameter.data<float>().ToArray());
        policy.ApplyGradients(new AdamWStep(1, 0.1, 1, settings));
        Assert.NotEqual(before, policy.Model.named_parameters().First().parameter.data<float>().ToArray());
    }

    [Fact]
    public void Model_WrongShapeTypeOrId_Throws()
    {
        using DisposeScope scope = torch.NewDisposeScope();
        using LlamaPolicy policy = Tiny.Policy();
        Assert.Throws<ArgumentException>(() => policy.Model.call(torch.zeros(3, torch.ScalarType.Int64)));
        Assert.Throws<ArgumentException>(() => policy.Model.call(torch.zeros(1, 3)));
        Assert.Throws<ArgumentException>(() => policy.Model.call(torch.full(1, 3, 97, torch.ScalarType.Int64)));
        Assert.Throws<ArgumentException>(() => policy.Model.call(torch.zeros(1, 65, torch.ScalarType.Int64)));
    }

    [Theory]
    [InlineData(0, 1, 4, 1, 0, 1)]
    [InlineData(2, 0, 4, 1, 0, 1)]
    [InlineData(2, 1, 0, 1, 0, 1)]
    [InlineData(2, 1, 63, 1, 0, 1)]
    [InlineData(2, 1, 4, -1, 0, 1)]
    [InlineData(2, 1, 4, double.NaN, 0, 1)]
    [InlineData(2, 1, 4, 1, -1, 1)]
    [InlineData(2, 1, 4, 1, 0, 0)]
    public void Sample_BadRequest_NamesIt(int promptLength, int count, int newTokens, double temperature, int topK, double topP)
    {
        using LlamaPolicy policy = Tiny.Policy();
        var request = new SamplingRequest
        {
            Prompt = new int[promptLength],
            Count = count,
            MaxNewTokens = newTokens,
            Temperature = temperature,
            TopK = topK,
            TopP = topP,
        };
        Assert.Contains("Request 0", Assert.Throws<ArgumentException>(() => policy.Sample([request])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HiddenStates_WrongLayerOrRoom_Throws()
    {
        using LlamaPolicy policy = Tiny.Policy();
        Assert.Throws<ArgumentOutOfRangeException>(() => policy.HiddenStates([1], 4, new float[32]));
        Assert.Throws<ArgumentException>(() => policy.HiddenStates([1], 3, new float[31]));
        Assert.Throws<ArgumentException>(() => policy.HiddenStates([], 3, []));
    }

    [Fact]
    public void HiddenStates_OfEachLayer_AreThoseOfTheEmbeddedEngine()
    {
        using var folder = new Tuna.Testing.TempFolder();
        using LlamaPolicy policy = LlamaPolicy.Create(Tiny.WithoutBiases);
        policy.SaveModel(folder.Root);
        using var managed = Managed.ManagedLlama.Load(folder.Root);
        int[] tokens = [1, 30, 96, 4, 4];
        for (int layer = 0; layer <= Tiny.Config.LayerCount; layer++)
        {
            float[] expected = new float[tokens.Length * Tiny.Config.HiddenSize], actual = new float[expected.Length];
            ((IHiddenStates)managed).HiddenStates(tokens, layer, expected);
            policy.HiddenStates(tokens, layer, actual);
            for (int i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], actual[i], 1e-4f);
        }
    }

    [Fact]
    public void Forward_OfAPolicyThatIsNotTrainable_SaysSo()
    {
        using LlamaPolicy policy = Tiny.Policy(new() { Trainable = false });
        Assert.Contains("Trainable", Assert.Throws<InvalidOperationException>(() => policy.Forward([Group([1], [3])])).Message,
            StringComparison.Ordinal);
    }
}
