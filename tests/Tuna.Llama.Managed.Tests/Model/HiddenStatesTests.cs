namespace Tuna.Llama.Managed.Tests.Model;

public class HiddenStatesTests
{
    [Fact]
    public void HiddenStates_LayerZero_AreTheEmbeddings()
    {
        using ManagedLlama policy = Models.Create();
        int[] tokens = Models.Tokens(5, 1);
        var states = new float[5 * 24];
        policy.HiddenStates(tokens, 0, states);
        ReadOnlySpan<float> embedding = policy.Parameters.WeightsOf(policy.Parameters.Slots[0]);
        for (int t = 0; t < 5; t++)
            Assert.True(states.AsSpan(t * 24, 24).SequenceEqual(embedding.Slice(tokens[t] * 24, 24)));
    }

    [Fact]
    public void HiddenStates_LastLayer_AreNormalized()
    {
        using ManagedLlama policy = Models.Create();
        int[] tokens = Models.Tokens(6, 1);
        var middle = new float[6 * 24];
        var last = new float[6 * 24];
        policy.HiddenStates(tokens, 1, middle);
        policy.HiddenStates(tokens, 2, last);
        Assert.NotEqual(middle, last);
        for (int t = 0; t < 6; t++) // fresh norm weights are 1, so the mean square is 1
            Assert.Equal(1, last.AsSpan(t * 24, 24).ToArray().Average(x => (double)x * x), 1e-3);
    }

    [Fact]
    public void HiddenStates_AToken_DoesNotSeeItsFuture()
    {
        using ManagedLlama policy = Models.Create();
        int[] tokens = Models.Tokens(9, 1);
        float[] all = new float[9 * 24], part = new float[4 * 24];
        policy.HiddenStates(tokens, 2, all);
        policy.HiddenStates(tokens.AsSpan(0, 4), 2, part);
        Assert.Equal(part, all[..(4 * 24)]);
    }

    [Fact]
    public void HiddenStates_BadArguments_Throw()
    {
        using ManagedLlama policy = Models.Create();
        Assert.Throws<ArgumentOutOfRangeException>(() => policy.HiddenStates([1], 3, new float[24]));
        Assert.Throws<ArgumentException>(() => policy.HiddenStates([1], 1, new float[23]));
        Assert.Throws<ArgumentException>(() => policy.HiddenStates([], 1, []));
        Assert.Throws<ArgumentException>(() => policy.HiddenStates([61], 1, new float[24]));
    }
}
