using Tuna.Numerics;
using Tuna.Policies;
using Tuna.Text;
using Tuna.Tokenization;

namespace Tuna.Sampling;

/// <summary>Samples N different responses per prompt from a policy: the diversity constraint of the paper's contextual ranking.</summary>
/// <remarks>
/// <para>Slot by slot: draw a response at T = 1; if its ROUGE-L F with every slot before it is below tau, keep it; else raise T by 0.1 and
/// draw again; after three draws keep the one least similar to the slots before it (the earliest of equals). Only the response that offends
/// is drawn again.</para>
/// <para>What is batched does not change the result: every draw has its own random stream (seed, row id, slot, trial), so the first draws
/// of all slots, which depend on nothing, are taken at once with one shared prefill, and one request per prompt carries the current
/// offender of each. A row's responses are therefore the same alone and in any batch.</para>
/// <para>Two equal texts count as similar (1) even where ROUGE sees no words in them. Used by one thread at a time, as the policy
/// is.</para>
/// </remarks>
public sealed class DiverseSampler
{
    private readonly IPolicyModel _policy;
    private readonly ITokenizer _tokenizer;
    private readonly DiverseSamplerOptions _options;
    private readonly RougeL _rouge;

    /// <summary>Creates a sampler.</summary>
    /// <param name="policy">The model that responds; it is not disposed.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="options">Settings; the paper's when null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A setting is out of its range.</exception>
    public DiverseSampler(IPolicyModel policy, ITokenizer tokenizer, DiverseSamplerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(tokenizer);
        _policy = policy;
        _tokenizer = tokenizer;
        _options = options ?? new();
        _options.Validate();
        _rouge = _options.Stem ? RougeL.Stemmed : RougeL.Plain;
    }

    /// <summary>Samples the responses to one prompt.</summary>
    public DiverseSampleSet Sample(DiversePrompt prompt, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return Sample([prompt], cancellationToken)[0];
    }

    /// <summary>Samples the responses to several prompts together.</summary>
    /// <param name="prompts">The prompts; each must leave room for at least one token in the model's context.</param>
    /// <param name="cancellationToken">Stops between tokens.</param>
    /// <returns>One set per prompt, in order.</returns>
    /// <exception cref="ArgumentException">A prompt fills the context; the message names the row.</exception>
    public IReadOnlyList<DiverseSampleSet> Sample(IReadOnlyList<DiversePrompt> prompts, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompts);
        var rows = new Row[prompts.Count];
        var requests = new List<SamplingRequest>(rows.Length);
        for (int i = 0; i < rows.Length; i++)
        {
            rows[i] = new Row(prompts[i], Rng.Derive(_options.Seed, prompts[i].Id));
            requests.Add(Request(rows[i], slot: 0, trial: 0, _options.Count));
        }

        IReadOnlyList<IReadOnlyList<SampledResponse>> drawn = _policy.Sample(requests, cancellationToken);
        for (int i = 0; i < rows.Length; i++)
        {
            foreach (SampledResponse response in drawn[i])
                rows[i].FirstDraws.Add(response);
        }

        // Each round settles as many slots as it can and draws once more for each row's first offender.
        List<Row> waiting = [.. rows];
        while (true)
        {
            waiting.RemoveAll(Settle);
            if (waiting.Count == 0)
                break;
            requests.Clear();
            foreach (Row row in waiting)
                requests.Add(Request(row, row.Kept.Count, row.Trials.Count, count: 1));
            drawn = _policy.Sample(requests, cancellationToken);
            for (int i = 0; i < waiting.Count; i++)
                waiting[i].Trials.Add(Judge(waiting[i], drawn[i][0]));
        }

        return [.. rows.Select(r => new DiverseSampleSet(r.Prompt.Id, r.Kept, r.TokensDrawn))];
    }

    // Fills the row's slots as far as its draws reach; true when all are full.
    private bool Settle(Row row)
    {
        while (row.Kept.Count < _options.Count)
        {
            if (row.Trials.Count == 0)
                row.Trials.Add(Judge(row, row.FirstDraws[row.Kept.Count]));
            Trial last = row.Trials[^1];
            bool accepted = last.Similarity < _options.Threshold;
            if (!accepted && row.Trials.Count < _options.MaxTrials)
                return false;
            Trial kept = accepted ? last : row.Trials.MinBy(t => t.Similarity)!; // MinBy gives the earliest of equals
            row.Keep(kept, accepted);
        }

        return true;
    }

    private Trial Judge(Row row, SampledResponse response)
    {
        int[] ids = [.. response.Tokens];
        string text = _tokenizer.Decode(ids);
        RougeTokens words = _rouge.Tokenize(text);
        var f = new double[row.Words.Count];
        RougeL.FMeasures(words, row.Words, f);
        double similarity = 0;
        for (int k = 0; k < f.Length; k++)
            similarity = Math.Max(similarity, row.Kept[k].Text == text ? 1 : f[k]);
        row.TokensDrawn += response.Tokens.Count;
        return new(response, text, words, similarity, Temperature(row.Trials.Count));
    }

    private SamplingRequest Request(Row row, int slot, int trial, int count)
    {
        int room = _policy.Info.ContextLength - row.Prompt.Prompt.Length;
        if (room < 1)
            throw new ArgumentException(
                $"Row '{row.Prompt.Id}': a prompt of {row.Prompt.Prompt.Length} tokens fills the context of {_policy.Info.ContextLength}; "
                + $"shorten it or leave the row out.");
        return new()
        {
            Prompt = row.Prompt.Prompt,
            Count = count,
            MaxNewTokens = Math.Min(room, _options.MaxNewTokens),
            Temperature = Temperature(trial),
            TopK = _options.TopK,
            TopP = _options.TopP,
            // The first draws of all slots share a request, whose samples have streams of their own; stream 0 is theirs, the others count
            // trials.
            Seed = Rng.Derive(row.Seed, trial == 0 ? 0 : 1 + ((ulong)slot * (ulong)_options.MaxTrials) + (ulong)trial),
            StopTokens = [_tokenizer.EosId],
        };
    }

    private double Temperature(int trial) => _options.Temperature + (trial * _options.TemperatureStep);

    private sealed record Trial(SampledResponse Response, string Text, RougeTokens Words, double Similarity, double Temperature);

    private sealed class Row(DiversePrompt prompt, ulong seed)
    {
        public DiversePrompt Prompt { get; } = prompt;

        public ulong Seed { get; } = seed;

        public List<SampledResponse> FirstDraws { get; } = [];

        public List<Trial> Trials { get; } = [];

        public List<DiverseResponse> Kept { get; } = [];

        public List<RougeTokens> Words { get; } = [];

        public long TokensDrawn { get; set; }

        public void Keep(Trial trial, bool accepted)
        {
            Kept.Add(new(trial.Text, trial.Response.Tokens, trial.Response.LogProb, trial.Response.Stopped, trial.Temperature, Trials.Count,
                trial.Similarity, accepted));
            Words.Add(trial.Words);
            Trials.Clear();
        }
    }
}
