using Tuna.Llama.Tensors;
using static TorchSharp.torch;

namespace Tuna.Llama.Tests;

/// <summary>The plain operations against the mathematics they stand for, on the CPU.</summary>
public class OperationsTests
{
    [Fact]
    public void MergeAttention_OfTwoSetsOfKeys_IsAttentionToBothAndChangesNoInput()
    {
        using DisposeScope scope = NewDisposeScope();
        using var operations = new PlainOperations();
        const int Rows = 6, Start = 2, Heads = 3, Width = 8;
        using var generator = new Generator(5);
        Tensor Random(params long[] shape) => randn(shape, ScalarType.Float32, generator: generator);
        Tensor q = Random(Rows, Heads, Width), k1 = Random(4, Heads, Width), v1 = Random(4, Heads, Width), k2 = Random(5, Heads, Width),
            v2 = Random(5, Heads, Width);
        (Tensor output, Tensor sums) = Attention(q, k1, v1);
        (Tensor other, Tensor otherSums) = Attention(q.narrow(0, Start, Rows - Start), k2, v2);
        (Tensor both, Tensor bothSums) = Attention(q, cat([k1, k2]), cat([v1, v2]));
        Tensor before = output.narrow(0, 0, Start).clone(), given = other.clone(), givenSums = otherSums.clone();
        operations.MergeAttention(output, sums, other, otherSums, Start);
        Assert.True(output.narrow(0, Start, Rows - Start).allclose(both.narrow(0, Start, Rows - Start), atol: 1e-6));
        Assert.True(sums.narrow(1, Start, Rows - Start).allclose(bothSums.narrow(1, Start, Rows - Start), atol: 1e-6));
        Assert.True(output.narrow(0, 0, Start).equal(before).all().item<bool>());
        Assert.True(other.equal(given).all().item<bool>());
        Assert.True(otherSums.equal(givenSums).all().item<bool>());
    }

    [Fact]
    public void FlashAttention_Source_CompilesWithThisLibtorch()
    {
        using DisposeScope scope = NewDisposeScope();
        using var flash = new FlashAttention();
        Tensor x = zeros(2, 1, 8);
        using SequenceBounds sequences = SequenceBounds.Of([2], [2], CPU, new HostLink());
        // The CPU has no such function: what fails is the call, by its name.
        Exception e = Assert.ThrowsAny<Exception>(() => flash.Forward(x, x, x, sequences, causal: true));
        Assert.Contains("Could not run 'aten::_flash_attention_forward'", e.Message, StringComparison.Ordinal);
    }

    // softmax(q k) v of every head, [N, H, E], and log sum exp, [H, N].
    private static (Tensor Output, Tensor Sums) Attention(Tensor q, Tensor k, Tensor v)
    {
        Tensor scores = einsum("nhe,mhe->hnm", q, k);
        return (einsum("hnm,mhe->nhe", scores.softmax(2), v).contiguous(), scores.logsumexp(2).contiguous());
    }
}
