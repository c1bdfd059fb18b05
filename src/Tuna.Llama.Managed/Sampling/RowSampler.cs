using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Sampling;

/// <summary>Draws the token after each of some rows, by all workers.</summary>
internal sealed unsafe class RowSampler : IDisposable
{
    private readonly WorkerPool _pool;
    private readonly TokenSampler[] _samplers;
    private (int Token, double LogProb)[] _drawn = [];

    public RowSampler(WorkerPool pool)
    {
        _pool = pool;
        _samplers = new TokenSampler[pool.Workers];
        for (int w = 0; w < _samplers.Length; w++)
            _samplers[w] = new TokenSampler();
    }

    /// <summary>Draws.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="logits">Their logits, [rows or fewer, V].</param>
    /// <param name="logitsOf">Which logits are those of a row, [rows]; null for one each.</param>
    /// <param name="tokensOnly">Whether nobody asks for the log-probabilities.</param>
    /// <returns>Tokens and log-probabilities, [rows], until the next call: -1 where the logits are not finite.</returns>
    public ReadOnlySpan<(int Token, double LogProb)> Draw(List<TokenRow> rows, in Matrix logits, int[]? logitsOf, bool tokensOnly)
    {
        if (_drawn.Length < rows.Count)
            _drawn = new (int, double)[rows.Count];
        var job = new Job { Samplers = _samplers, Rows = rows, Logits = logits, LogitsOf = logitsOf, TokensOnly = tokensOnly,
            Drawn = _drawn };
        _pool.For(rows.Count, grain: 1, ref job);
        return _drawn.AsSpan(0, rows.Count);
    }

    public void Dispose()
    {
        foreach (TokenSampler sampler in _samplers)
            sampler.Dispose();
    }

    private struct Job : IRangeJob
    {
        public TokenSampler[] Samplers;
        public List<TokenRow> Rows;
        public Matrix Logits;
        public int[]? LogitsOf;
        public bool TokensOnly;
        public (int, double)[] Drawn;

        public readonly void Execute(int from, int to, int worker)
        {
            for (int i = from; i < to; i++)
            {
                (SampleState sample, int ahead) = Rows[i];
                float* logits = Logits.Row(LogitsOf is null ? i : LogitsOf[i]);
                Drawn[i] = TokensOnly
                    ? (Samplers[worker].Pick(logits, Logits.Columns, sample.Request, sample.Noise(ahead)), 0)
                    : Samplers[worker].Draw(logits, Logits.Columns, sample.Request, sample.Noise(ahead));
            }
        }
    }
}
