using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Policies;

namespace Tuna.Llama.Managed.Tests.Model;

public class BadInputTests
{
    [Fact]
    public void Forward_TokenOutsideTheVocabulary_NamesTheGroup()
    {
        using ManagedLlama policy = Models.Create();
        var group = new TokenGroup("the-bad-one", new int[] { 1 }, [new int[] { 2, 61 }], new double[1]);
        Assert.Contains("the-bad-one", Assert.Throws<ArgumentException>(() => policy.Forward([Models.Group("ok", 2, 1, 3), group])).Message,
            StringComparison.Ordinal);
        var negative = new TokenGroup("negative", new int[] { -1 }, [new int[] { 2 }], new double[1]);
        Assert.Contains("negative", Assert.Throws<ArgumentException>(() => policy.Score([negative], new double[1])).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Score_SequenceLongerThanTheContext_NamesTheGroup()
    {
        using ManagedLlama policy = Models.Create();
        TokenGroup group = Models.Group("too-long", 500, 1, 13);
        Assert.Contains("too-long", Assert.Throws<ArgumentException>(() => policy.Score([group], new double[1])).Message,
            StringComparison.Ordinal);
        policy.Score([Models.Group("fits", 500, 1, 12)], new double[1]);
    }

    [Fact]
    public void Score_DestinationOfAnotherSize_Throws()
    {
        using ManagedLlama policy = Models.Create();
        Assert.Throws<ArgumentException>(() => policy.Score(Models.Groups(), new double[8]));
    }

    [Fact]
    public void Forward_WhileAPassIsOpen_Throws()
    {
        using ManagedLlama policy = Models.Create();
        IForwardPass pass = policy.Forward(Models.Groups());
        Assert.Throws<InvalidOperationException>(() => policy.Forward(Models.Groups()));
        Assert.Throws<InvalidOperationException>(() => policy.ApplyGradients(new AdamWStep(1, 0.1, 1, new AdamWSettings())));
        pass.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pass.Backward(new double[9]));
        using IForwardPass next = policy.Forward(Models.Groups());
        Assert.Throws<ArgumentException>(() => next.Backward(new double[8]));
        Assert.Throws<ArgumentException>(() => next.Backward([double.NaN, 0, 0, 0, 0, 0, 0, 0, 0]));
        next.Backward(new double[9]);
        Assert.Throws<InvalidOperationException>(() => next.Backward(new double[9]));
    }

    [Fact]
    public void Forward_Cancelled_ThrowsAndThePolicyStaysUsable()
    {
        using ManagedLlama policy = Models.Create();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => policy.Forward(Models.Groups(), cancelled.Token));
        Assert.Throws<OperationCanceledException>(() => policy.Score(Models.Groups(), new double[9], cancelled.Token));
        Assert.Throws<OperationCanceledException>(() => policy.Sample([new SamplingRequest { Prompt = new int[] { 1 } }], cancelled.Token));
        policy.Score(Models.Groups(), new double[9]);
    }

    [Fact]
    public void Any_AfterDispose_Throws()
    {
        ManagedLlama policy = Models.Create();
        policy.Dispose();
        policy.Dispose();
        Assert.Throws<ObjectDisposedException>(() => policy.Score(Models.Groups(), new double[9]));
    }

    [Fact]
    public void Options_OutsideTheirRange_Throw()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ManagedLlamaOptions { Threads = 0 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => ManagedLlama.Create(Models.Config, new() { SavedType = TensorDType.I32 }));
    }
}
