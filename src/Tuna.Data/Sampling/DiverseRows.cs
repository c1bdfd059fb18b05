using System.Globalization;
using Tuna.Data.Groups;
using Tuna.Sampling;

namespace Tuna.Data.Sampling;

/// <summary>Rows of instructions in, rows to be ranked out: <see cref="DiverseSampler"/> over data files.</summary>
public static class DiverseRows
{
    /// <summary>Samples rows of instructions in batches and yields them as rows to be ranked, in order.</summary>
    /// <param name="sampler">The sampler.</param>
    /// <param name="examples">The instructions; they are read as the results are taken. A row without an id is named by its
    /// position.</param>
    /// <param name="encodePrompt">The prompt's ids, as <see cref="GroupTokenizer.EncodePrompt(string, string)"/> gives them.</param>
    /// <param name="batch">Rows sampled together, >= 1.</param>
    /// <param name="model">Names the policy in the rows, or null.</param>
    /// <param name="progress">Told the running totals after each batch.</param>
    /// <param name="cancellationToken">Stops between tokens.</param>
    public static IEnumerable<RankedExample> Sample(
        this DiverseSampler sampler,
        IEnumerable<InstructionExample> examples,
        Func<InstructionExample, ReadOnlyMemory<int>> encodePrompt,
        int batch = 16,
        string? model = null,
        IProgress<SamplingStatistics>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(sampler);
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(encodePrompt);
        ArgumentOutOfRangeException.ThrowIfLessThan(batch, 1);
        return Rows();

        IEnumerable<RankedExample> Rows()
        {
            SamplingStatistics total = SamplingStatistics.None;
            int position = 0;
            foreach (InstructionExample[] chunk in examples.Chunk(batch))
            {
                var prompts = new DiversePrompt[chunk.Length];
                for (int i = 0; i < chunk.Length; i++, position++)
                    prompts[i] = new(chunk[i].Id ?? position.ToString(CultureInfo.InvariantCulture), encodePrompt(chunk[i]));
                IReadOnlyList<DiverseSampleSet> sets = sampler.Sample(prompts, cancellationToken);
                total = sets.Aggregate(total, (sum, set) => sum.Add(set));
                progress?.Report(total);
                for (int i = 0; i < chunk.Length; i++)
                    yield return sets[i].ToRankedExample(chunk[i], model);
            }
        }
    }

    /// <summary>The responses as a row to be ranked, with log-probabilities and token counts, so that Eq. 3 can be computed for any beta
    /// without the model.</summary>
    /// <param name="samples">The responses to one prompt.</param>
    /// <param name="example">The instruction they answer; its output becomes the reference response when it is not empty.</param>
    /// <param name="model">Names the policy in <c>model[]</c>, or null.</param>
    public static RankedExample ToRankedExample(this DiverseSampleSet samples, InstructionExample example, string? model = null)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(example);
        return new()
        {
            Id = example.Id ?? samples.Id,
            IdIsNumber = example.IdIsNumber,
            Instruction = example.Instruction,
            Input = example.Input.Length == 0 ? null : example.Input,
            Outputs = [.. samples.Responses.Select(r => r.Text)],
            LogProbs = [.. samples.Responses.Select(r => (double?)r.LogProb)],
            TokenCounts = [.. samples.Responses.Select(r => (int?)r.Tokens.Count)],
            Models = model is null ? [] : [.. samples.Responses.Select(_ => model)],
            Reference = example.Output.Length == 0 ? null : example.Output,
            Extra = example.Extra,
        };
    }
}
