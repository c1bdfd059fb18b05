namespace Tuna.Llama.Managed.Sampling;

/// <summary>Lets samples go on by a token or more: some are drafted with a cheap copy of the weights, then all are checked in one pass of
/// the weights themselves.</summary>
/// <remarks>
/// As speculative decoding (Leviathan et al., arXiv 2211.17192), but the draft and the check draw with the same noise, and what the weights
/// draw is what is taken: the draft decides how many tokens a pass gives, never which. Without a draft this is plain decoding.
/// </remarks>
internal sealed class Speculation(TokenPass pass, DecodingWeights weights, DraftWeights? draft, RowSampler sampler)
{
    /// <summary>Rows of a pass at most, unless there are more samples: it takes little longer than one of half as many, since kernels take
    /// eight rows at once.</summary>
    public const int MaxRows = 8;

    // From so many drafted tokens on it counts how many were taken.
    private const int Trial = 64;

    private readonly List<TokenRow> _rows = [];

    /// <summary>Tokens drafted so far.</summary>
    public long Drafted { get; private set; }

    /// <summary>Drafted tokens that were taken.</summary>
    public long Accepted { get; private set; }

    /// <summary>Adds one token or more to each sample.</summary>
    public void Step(List<SampleState> active)
    {
        Draft(active);
        _rows.Clear();
        foreach (SampleState sample in active)
        {
            for (int ahead = 0; ahead <= sample.Draft.Count; ahead++)
                _rows.Add(new TokenRow(sample, ahead));
        }

        // The keys and values of the draft are overwritten here, those of rejected tokens before anything sees them.
        ReadOnlySpan<(int Token, double LogProb)> drawn = sampler.Draw(_rows, pass.Forward(_rows, weights), null, tokensOnly: false);
        foreach (SampleState sample in active)
        {
            int taken = Take(sample, drawn);
            drawn = drawn[(sample.Draft.Count + 1)..];
            Drafted += sample.Draft.Count;
            Accepted += taken - 1;
            sample.Draft.Clear();
        }
    }

    /// <summary>Takes what was drawn up to the first token that was not drafted; returns how many tokens.</summary>
    private static int Take(SampleState sample, ReadOnlySpan<(int Token, double LogProb)> drawn)
    {
        for (int i = 0; ; i++)
        {
            sample.Add(drawn[i].Token, drawn[i].LogProb);
            if (sample.Done || i == sample.Draft.Count || sample.Draft[i] != drawn[i].Token)
                return i + 1;
        }
    }

    private void Draft(List<SampleState> active)
    {
        int depth = Depth(active);
        for (int ahead = 0; ahead < depth; ahead++)
        {
            _rows.Clear();
            foreach (SampleState sample in active)
            {
                if (sample.Draft.Count == ahead && sample.DraftGoesOn)
                    _rows.Add(new TokenRow(sample, ahead));
            }

            if (_rows.Count == 0)
                return;
            ReadOnlySpan<(int Token, double LogProb)> drawn = sampler.Draw(_rows, pass.Forward(_rows, draft!), null, tokensOnly: true);
            for (int i = 0; i < drawn.Length; i++)
            {
                if (drawn[i].Token >= 0)
                    _rows[i].Sample.Draft.Add(drawn[i].Token);
            }
        }
    }

    /// <summary>How many tokens to draft for each sample.</summary>
    private int Depth(List<SampleState> active)
    {
        if (draft is null || weights.Copied)
            return 0;
        int depth = Math.Max(0, (MaxRows / active.Count) - 1);
        if (Drafted >= Trial && 2 * Accepted < Drafted)
            depth = Math.Min(depth, 1); // little of it is taken, the less the further ahead
        return depth > 0 && draft.Follow(active.Max(s => s.Left)) ? depth : 0;
    }
}
