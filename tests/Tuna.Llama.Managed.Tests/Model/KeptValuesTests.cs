using Tuna.Llama.Managed.Model;
using Tuna.Models;
using Tuna.Models.Checkpoints;
using Tuna.Llama.Managed.Kernels;
using Tuna.Numerics;

namespace Tuna.Llama.Managed.Tests.Model;

public sealed unsafe class KeptValuesTests
{
    // Backward: for each block of logits, reads it, then writes the block's part of the output embedding's gradient; then for each layer
    // from the last to the first, reads its gate and up values and writes its gradient. No place may be written before it is read, and no
    // two may overlap.
    [Fact]
    public void Plan_RandomSizes_NoValueIsOverwrittenBeforeItIsRead()
    {
        var rng = new Rng(3);
        long inGradient = 0, inOwn = 0, nowhere = 0;
        for (int trial = 0; trial < 300; trial++)
        {
            LlamaConfig config = Models.Config with
            {
                HiddenSize = 4 * (1 + rng.Next(20)),
                IntermediateSize = 1 + rng.Next(90),
                LayerCount = 1 + rng.Next(7),
                VocabularySize = 1 + rng.Next(6000),
                TieWordEmbeddings = rng.Next(2) == 0,
            };
            using var parameters = new LlamaParameters(config);
            long ownFloats = rng.Next(200_000);
            using var kept = new KeptValues(config, parameters, ownFloats * sizeof(float));
            int rows = 1 + rng.Next(400), logitRows = rng.Next(1 + Math.Min(rows, 40));
            kept.Plan(rows, logitRows);

            float* gradient = parameters.Gradient;
            long own = 0;
            var places = new List<(long From, long To)>();
            for (int l = 0; l < config.LayerCount; l++)
            {
                // From this layer's gradient to the last layer's is written by the time this layer's values have been used; and so is the
                // output embedding's.
                Add(kept.GateUp(l), 2L * config.IntermediateSize * rows, parameters.Layers[l].InputNorm, parameters.FinalNorm,
                    parameters.OutputEmbedding, Head(config.VocabularySize));
            }

            for (int b = 0; b < kept.Logits.Length; b++)
                Add((float*)kept.Logits[b], LogProbs.BlockFloats(logitRows), 0, 0, parameters.OutputEmbedding,
                    Head((b + 1) * LogProbs.BlockTokens));
            nowhere += LogProbs.Blocks(config.VocabularySize) - kept.Logits.Length;
            Assert.True(kept.Logits.Length == 0 || logitRows > 0);
            Assert.InRange(own, 0, ownFloats);
            places.Sort();
            for (int i = 1; i < places.Count; i++)
                Assert.True(places[i - 1].To <= places[i].From, $"trial {trial}: places overlap");

            // Once something has been accumulated, the gradient's memory is not free.
            parameters.BeginGradient();
            kept.Plan(rows, logitRows);
            for (int l = 0; l < config.LayerCount; l++)
                Assert.False(Inside(kept.GateUp(l)));
            foreach (nint block in kept.Logits)
                Assert.False(Inside((float*)block));

            long Head(int tokens) => parameters.OutputEmbedding + ((long)Math.Min(tokens, config.VocabularySize) * config.HiddenSize);

            bool Inside(float* place) => place is not null && place >= gradient && place < gradient + parameters.Count;

            void Add(float* place, long floats, long from, long to, long from2, long to2)
            {
                if (place is null)
                {
                    nowhere++;
                    return;
                }

                if (!Inside(place))
                {
                    own += floats;
                    inOwn++;
                    return;
                }

                inGradient++;
                long at = place - gradient;
                Assert.True(at + floats <= parameters.Count, $"trial {trial}: past the gradient's end");
                Assert.True(at >= to || at + floats <= from, $"trial {trial}: in a layer's gradient that is written before");
                Assert.True(at >= to2 || at + floats <= from2, $"trial {trial}: in the output embedding's gradient that is written before");
                places.Add((at, at + floats));
            }
        }

        Assert.True(inGradient > 200 && inOwn > 200 && nowhere > 200, $"{inGradient}, {inOwn} and {nowhere}: the sizes leave out a case");
    }
}
