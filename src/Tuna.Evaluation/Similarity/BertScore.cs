using System.Numerics.Tensors;
using Tuna.Policies;
using Tuna.Data.Groups;
using Tuna.Tokenization;
using Tuna.Models;

namespace Tuna.Evaluation.Similarity;

/// <summary>BERTScore: how well the tokens of two texts match one to one in a model's contextual embeddings.</summary>
/// <remarks>
/// Zhang et al., "BERTScore: Evaluating Text Generation with BERT" (2020), equations 1 to 3, with the hidden states of any policy (the
/// paper's Appendix J uses it to compare responses). R = sum over reference tokens x of idf(x) max over candidate tokens y of cos(x, y),
/// divided by the sum of idf(x); P the other way round; F1 = 2 P R / (P + R). The begin token gives context but is no token of either text,
/// neither weighed nor matched (as in the published code, which gives its special tokens no weight). A text longer than the model's context
/// is cut at its end. Used by one thread at a time, as the model is.
/// </remarks>
public sealed class BertScore
{
    private readonly IHiddenStates _model;
    private readonly PolicyInfo _info;
    private readonly ITokenizer _tokenizer;
    private readonly BertScoreOptions _options;

    /// <summary>Creates a scorer.</summary>
    /// <param name="policy">A policy that shows its hidden states.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="options">Settings; the defaults when null.</param>
    /// <exception cref="ArgumentException">The policy does not implement <see cref="IHiddenStates"/>, or an option is out of
    /// range.</exception>
    public BertScore(IResponseScorer policy, ITokenizer tokenizer, BertScoreOptions? options = null)
        : this(
            policy as IHiddenStates ?? throw new ArgumentException(
                $"{policy?.GetType().Name ?? "null"} does not show its hidden states ({nameof(IHiddenStates)}).", nameof(policy)),
            policy.Info,
            tokenizer,
            options)
    {
    }

    /// <summary>Creates a scorer over any source of hidden states.</summary>
    /// <param name="model">The hidden states.</param>
    /// <param name="info">The model's sizes.</param>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="options">Settings; the defaults when null.</param>
    public BertScore(IHiddenStates model, PolicyInfo info, ITokenizer tokenizer, BertScoreOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(info);
        ArgumentNullException.ThrowIfNull(tokenizer);
        _model = model;
        _info = info;
        _tokenizer = tokenizer;
        _options = options ?? new();
        _options.Validate();
        if (_options.Layer > info.LayerCount)
            throw new ArgumentOutOfRangeException(nameof(options), _options.Layer,
                $"{nameof(BertScoreOptions.Layer)}: the model has layers 0 (embeddings) to {info.LayerCount}.");
    }

    /// <summary>Scores a candidate against one reference.</summary>
    public BertScoreResult Score(string candidate, string reference)
    {
        Embedded x = Embed(reference), y = Embed(candidate);
        if (x.Tokens.Length == 0 || y.Tokens.Length == 0)
            return Rescaled(new BertScoreResult(0, 0)); // nothing can match, as the published code has it
        double recall = Matched(x, y), precision = Matched(y, x);
        return Rescaled(new BertScoreResult(precision, recall));
    }

    /// <summary>Scores a candidate against several references: the largest precision, recall and F1, each by itself, as the published code
    /// does.</summary>
    /// <exception cref="ArgumentException">There is no reference.</exception>
    public BertScoreResult Score(string candidate, IReadOnlyList<string> references)
    {
        ArgumentNullException.ThrowIfNull(references);
        if (references.Count == 0)
            throw new ArgumentException("A candidate is scored against at least one reference.", nameof(references));
        BertScoreResult[] scores = [.. references.Select(reference => Score(candidate, reference))];
        return new BertScoreResult(scores.Max(s => s.Precision), scores.Max(s => s.Recall), scores.Max(s => s.F1));
    }

    /// <summary>The mean over pairs of a candidate and its reference.</summary>
    /// <exception cref="ArgumentException">There is no pair.</exception>
    public BertScoreResult Mean(IEnumerable<(string Candidate, string Reference)> pairs, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        double precision = 0, recall = 0, f = 0;
        int count = 0;
        foreach ((string candidate, string reference) in pairs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            BertScoreResult score = Score(candidate, reference);
            (precision, recall, f, count) = (precision + score.Precision, recall + score.Recall, f + score.F1, count + 1);
        }

        return count > 0 ? new BertScoreResult(precision / count, recall / count, f / count)
            : throw new ArgumentException("There is no pair to score.", nameof(pairs));
    }

    // The weighted mean, over the tokens of one text, of the best cosine with any token of the other.
    private double Matched(Embedded from, Embedded to)
    {
        int d = _info.HiddenSize;
        double sum = 0, weights = 0;
        for (int t = 0; t < from.Tokens.Length; t++)
        {
            ReadOnlySpan<float> state = from.States.AsSpan(t * d, d); // [D]
            double best = double.NegativeInfinity;
            for (int u = 0; u < to.Tokens.Length; u++)
                best = Math.Max(best, TensorPrimitives.Dot(state, to.States.AsSpan(u * d, d)));
            double weight = _options.Idf?.Weight(from.Tokens[t]) ?? 1;
            sum += weight * best;
            weights += weight;
        }

        return weights > 0 ? sum / weights : 0; // a text of nothing but words that are in every reference
    }

    private Embedded Embed(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int begin = _tokenizer.BosId is null ? 0 : 1, d = _info.HiddenSize;
        int[] tokens = _tokenizer.Encode(text);
        tokens = tokens[..Math.Min(tokens.Length, _info.ContextLength - begin)];
        if (tokens.Length == 0)
            return new Embedded([], []);
        int[] input = _tokenizer.BosId is { } bos ? [bos, .. tokens] : tokens;
        float[] states = new float[input.Length * d]; // [T, D]
        _model.HiddenStates(input, _options.Layer ?? _info.LayerCount, states);
        states = states[(begin * d)..];
        for (int t = 0; t < tokens.Length; t++)
        {
            Span<float> state = states.AsSpan(t * d, d);
            float norm = TensorPrimitives.Norm<float>(state);
            if (norm > 0)
                TensorPrimitives.Divide(state, norm, state);
        }

        return new Embedded(tokens, states);
    }

    private BertScoreResult Rescaled(BertScoreResult score)
    {
        if (_options.Baseline is not { } b)
            return score;
        return new BertScoreResult(Rescale(score.Precision, b.Precision), Rescale(score.Recall, b.Recall), Rescale(score.F1, b.F1));

        static double Rescale(double value, double baseline) => (value - baseline) / (1 - baseline);
    }

    // Token ids [T] and their unit hidden states, row-major [T, D].
    private readonly record struct Embedded(int[] Tokens, float[] States);
}

/// <summary>A BERTScore: cosines, so in [-1, 1] before rescaling.</summary>
/// <param name="Precision">How well the candidate's tokens are matched by the reference.</param>
/// <param name="Recall">How well the reference's tokens are matched by the candidate.</param>
/// <param name="F1">Their harmonic mean; each is rescaled by its own baseline where there is one.</param>
public readonly record struct BertScoreResult(double Precision, double Recall, double F1)
{
    /// <summary>Creates a score from its parts.</summary>
    public BertScoreResult(double precision, double recall)
        : this(precision, recall, precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall))
    {
    }
}

/// <summary>How BERTScore is computed.</summary>
public sealed record BertScoreOptions
{
    /// <summary>Which hidden layer, as <see cref="IHiddenStates"/> counts them; null takes the last, after the final norm. Default
    /// null.</summary>
    public int? Layer { get; init; }

    /// <summary>Weights of tokens; null weighs all alike. Default null.</summary>
    public TokenIdf? Idf { get; init; }

    /// <summary>What unrelated texts score, each below 1: the score becomes (x - b) / (1 - b), which spreads the range without changing an
    /// order. Default null.</summary>
    public BertScoreResult? Baseline { get; init; }

    /// <summary>Checks the settings.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the setting that is out of range.</exception>
    public void Validate()
    {
        if (Layer is { } layer)
            ArgumentOutOfRangeException.ThrowIfNegative(layer, nameof(Layer));
        if (Baseline is { } b && !(b.Precision < 1 && b.Recall < 1 && b.F1 < 1))
            throw new ArgumentOutOfRangeException(nameof(Baseline), b, "A baseline is below 1.");
    }
}

/// <summary>Inverse document frequencies of tokens over a set of references: rare tokens weigh more.</summary>
/// <remarks>idf(w) = log((M + 1) / (df(w) + 1)) over M references, in nats, as in the published code; a token that no reference has weighs
/// log(M + 1).</remarks>
public sealed class TokenIdf
{
    private readonly Dictionary<int, int> _documents = [];
    private readonly int _count;

    /// <summary>Counts the tokens of references, each token once per reference.</summary>
    public TokenIdf(IEnumerable<string> references, ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(references);
        ArgumentNullException.ThrowIfNull(tokenizer);
        foreach (string reference in references)
        {
            _count++;
            foreach (int token in tokenizer.Encode(reference).Distinct())
                _documents[token] = _documents.GetValueOrDefault(token) + 1;
        }
    }

    /// <summary>The weight of a token, at least 0.</summary>
    public double Weight(int token) => Math.Log((_count + 1.0) / (_documents.GetValueOrDefault(token) + 1.0));
}
