using Tuna.Distributed;
using Tuna.Llama.Distributed;
using TorchSharp;
using static TorchSharp.torch;

namespace Tuna.Llama.Tests;

public class FlatBufferTests
{
    public static TheoryData<int, long> Shapes => new()
    {
        { 2, 8 }, // a buffer shorter than most tensors
        { 2, 24 },
        { 4, 1 }, // shorter than an element of each
        { 4, 64 },
        { 4, 1 << 20 },
        { 8, 100 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void ReduceScatter_AnyBuffer_GivesOwnersTheSumsOfTheTree(int ranks, long bytes)
    {
        ThreadGroup.Run(ranks, group =>
        {
            using DisposeScope scope = NewDisposeScope();
            using var exchange = new HostExchange(group);
            (Tensor Values, int Owner)[] tensors = Tensors(group, ScalarType.Float32);
            Tensor[] expected = [.. tensors.Select(t => t.Values.clone())];
            foreach (Tensor values in expected)
                exchange.Sum(values);
            new FlatBuffer(ranks, group.Rank, exchange, bytes).ReduceScatter(tensors);
            for (int t = 0; t < tensors.Length; t++)
            {
                if (tensors[t].Owner == group.Rank)
                    Assert.Equal(expected[t].bytes.ToArray(), tensors[t].Values.bytes.ToArray());
            }

            return 0;
        });
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void AllGather_AnyBufferAndType_GivesEveryoneTheOwnersNumbers(int ranks, long bytes)
    {
        foreach (ScalarType type in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16, ScalarType.Int16])
        {
            ThreadGroup.Run(ranks, group =>
            {
                using DisposeScope scope = NewDisposeScope();
                using var exchange = new HostExchange(group);
                (Tensor Values, int Owner)[] tensors = Tensors(group, type);
                Tensor[] expected = [.. tensors.Select(t => t.Values.clone())];
                for (int t = 0; t < tensors.Length; t++)
                    exchange.Broadcast(expected[t], tensors[t].Owner);
                new FlatBuffer(ranks, group.Rank, exchange, bytes).AllGather(tensors);
                for (int t = 0; t < tensors.Length; t++)
                    Assert.Equal(expected[t].bytes.ToArray(), tensors[t].Values.bytes.ToArray());
                return 0;
            });
        }
    }

    // Other numbers on every rank; owners that have much, little and nothing.
    private static (Tensor Values, int Owner)[] Tensors(IProcessGroup group, ScalarType type)
    {
        long[][] shapes = [[7, 3], [1], [5], [2, 2], [13]];
        var random = new Numerics.Rng((ulong)group.Rank + 1);
        return [.. shapes.Select((shape, i) => (
            tensor(Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(_ => (float)(100 * (random.NextDouble() - 0.5)))
                .ToArray()).view(shape).to(type), i * i % Math.Min(group.Size, 3)))];
    }
}
