using Tuna.Llama.Losses;
using Tuna.Losses;
using Tuna.Policies;
using static TorchSharp.torch;

namespace Tuna.Llama.Tests;

/// <summary>What people with their own TorchSharp training loop use: the module, the chunked log-probabilities, the losses.</summary>
public class OwnLoopTests
{
    private static readonly TokenGroup[] Groups = Batches.Random(2, 3, 97);

    [Fact]
    public void Evaluate_AnyRankingLoss_HasItsValueAndGradient()
    {
        using DisposeScope scope = NewDisposeScope();
        double[] logProbs = [-12, -9, -20, -7, -8, -15, -4, -9];
        foreach (IRankingLoss loss in new IRankingLoss[] { Tiny.Loss, new MarginRankingLoss(0.1, 1, MarginReduction.Released) })
        {
            double[] expected = Batches.Gradient(loss, Groups, logProbs, out double value);
            Tensor input = tensor(logProbs).requires_grad_();
            Tensor result = TorchRankingLoss.Evaluate(loss, Groups, input);
            (result * 3).backward();
            Assert.Equal(value, result.item<double>(), 1e-12);
            Assert.Equal(expected.Select(g => 3 * g), input.grad!.data<double>().ToArray());
        }
    }

    [Fact]
    public void Evaluate_WrongCount_Throws()
    {
        using DisposeScope scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => TorchRankingLoss.Evaluate(Tiny.Loss, Groups, zeros(3)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(null)]
    public void ChunkedLogProbs_ValueAndGradients_AreThoseOfLogSoftmax(int? chunk)
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(4);
        int vocabulary = 50, rows = 11;
        int[] targets = [.. Enumerable.Range(0, rows).Select(r => r * 4 % vocabulary)];
        Tensor hidden = empty(rows, 6).normal_(0, 1, generator), weight = empty(vocabulary, 6).normal_(0, 1, generator);
        Tensor upstream = empty(rows).normal_(0, 1, generator);

        Tensor h1 = hidden.clone().requires_grad_(), w1 = weight.clone().requires_grad_();
        Tensor expected = nn.functional.log_softmax(h1.matmul(w1.t()), 1).gather(1,
            tensor(Array.ConvertAll(targets, t => (long)t)).unsqueeze(1)).squeeze(1);
        expected.backward([upstream]);
        Tensor h2 = hidden.clone().requires_grad_(), w2 = weight.clone().requires_grad_();
        Tensor actual = ChunkedLogProbs.Of(h2, w2, targets, chunk);
        actual.backward([upstream]);

        Assert.True(expected.allclose(actual, 1e-5, 1e-5));
        Assert.True(h1.grad!.allclose(h2.grad!, 1e-4, 1e-5));
        Assert.True(w1.grad!.allclose(w2.grad!, 1e-4, 1e-5));
    }

    [Fact]
    public void ChunkedLogProbs_Bf16_SumsTheChunksInSinglePrecision()
    {
        using DisposeScope scope = NewDisposeScope();
        using var generator = new Generator(4);
        Tensor hidden = empty(600, 4).normal_(0, 1, generator).to(ScalarType.BFloat16),
            weight = empty(8, 4).normal_(0, 1, generator).to(ScalarType.BFloat16);
        int[] targets = [.. Enumerable.Range(0, 600).Select(r => r % 8)];
        Tensor Gradient(int rowsPerChunk)
        {
            Tensor w = weight.clone().requires_grad_();
            ChunkedLogProbs.Of(hidden, w, targets, rowsPerChunk).sum().backward();
            Assert.Equal(ScalarType.BFloat16, w.grad!.dtype);
            return w.grad!.to(ScalarType.Float32);
        }

        // 600 additions of bf16 numbers into one would each lose the last bits; a sum in single precision loses them once.
        Tensor whole = Gradient(600), chunked = Gradient(1);
        Assert.True((whole - chunked).abs().max().item<float>() <= 0.01 * whole.abs().max().item<float>());
    }

    [Fact]
    public void AddRows_SortedAsOnAGpuOrInOrder_GivesTheSameSums()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor ids = tensor(new long[] { 3, 0, 3, 3, 5 }), rows = arange(10, ScalarType.Float32).view(5, 2), a = ones(6, 2), b = ones(6, 2);
        Tensors.TrainedWeight.AddRows(a, ids, rows, sorted: false);
        Tensors.TrainedWeight.AddRows(b, ids, rows, sorted: true);
        Assert.Equal([3, 4, 1, 1, 1, 1, 11, 14, 1, 1, 9, 10], a.data<float>().ToArray());
        Assert.Equal(a.data<float>().ToArray(), b.data<float>().ToArray());
    }

    [Fact]
    public void ChunkedLogProbs_WrongShapes_Throw()
    {
        using DisposeScope scope = NewDisposeScope();
        Assert.Throws<ArgumentException>(() => ChunkedLogProbs.Of(zeros(2, 4), zeros(9, 5), new[] { 1, 2 }));
        Assert.Throws<ArgumentException>(() => ChunkedLogProbs.Of(zeros(2, 4), zeros(9, 4), new[] { 1 }));
        Assert.Throws<ArgumentException>(() => ChunkedLogProbs.Of(zeros(2, 4), zeros(9, 4), new[] { 1, 9 }));
    }

    [Fact]
    public void Module_TrainedByTorchSharpsOwnOptimizer_Learns()
    {
        using DisposeScope scope = NewDisposeScope();
        using LlamaPolicy policy = Tiny.Policy(new() { Trainable = false });
        using var optimizer = optim.AdamW(policy.Model.parameters(), 1e-2);
        Tensor ids = tensor(new long[] { 1, 5, 9, 13, 17, 21 }).view(1, 6);
        double first = 0, last = 0;
        for (int step = 0; step < 20; step++)
        {
            optimizer.zero_grad();
            Tensor logits = policy.Model.call(ids.narrow(1, 0, 5));
            Tensor loss = nn.functional.cross_entropy(logits.view(5, 97), ids.narrow(1, 1, 5).view(5));
            loss.backward();
            optimizer.step();
            last = loss.item<float>();
            if (step == 0)
                first = last;
        }

        Assert.All(policy.Model.named_parameters(), p => Assert.False(p.parameter.grad is null, p.name));
        Assert.True(last < 0.2 * first, $"{first} to {last}");
    }
}
