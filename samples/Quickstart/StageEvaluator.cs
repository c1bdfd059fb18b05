using Quickstart.Exercises;
using Tuna.Policies;
using Tuna.Text;
using Tuna.Data.Groups;
using Tuna.Tokenization;

namespace Quickstart;

/// <summary>Measures policies on held-out exercises.</summary>
internal sealed class StageEvaluator
{
    private const int Batch = 48;

    private readonly IReadOnlyList<Exercise> _exercises;
    private readonly GroupTokenizer _groups;
    private readonly ITokenizer _tokenizer;
    private readonly List<TokenGroup> _references;
    private readonly List<TokenGroup> _judged;

    /// <param name="exercises">Held-out exercises.</param>
    /// <param name="judged">Held-out candidates with a judge's scores.</param>
    /// <param name="groups">Tokenizes both.</param>
    /// <param name="tokenizer">Decodes responses.</param>
    public StageEvaluator(IReadOnlyList<Exercise> exercises, IEnumerable<TokenGroup> judged, GroupTokenizer groups, ITokenizer tokenizer)
    {
        _exercises = exercises;
        _groups = groups;
        _tokenizer = tokenizer;
        _references = [.. groups.Tokenize(exercises.Select(e => e.ToInstructionExample() with { Output = e.Reference }))];
        _judged = [.. judged];
    }

    public (StageScores Scores, IReadOnlyList<string> Responses) Measure(string stage, IPolicyModel policy, Action<double> progress,
        CancellationToken cancellationToken)
    {
        (List<string> responses, double meanLength) = Generate(policy, p => progress(0.8 * p), cancellationToken);
        double correct = 0, rouge = 0;
        for (int i = 0; i < responses.Count; i++)
        {
            correct += _exercises[i].IsCorrect(responses[i]) ? 1 : 0;
            rouge += RougeL.Plain.Score(_exercises[i].Reference, responses[i]).F;
        }

        double nll = MeanTokenNll(policy, _references, cancellationToken);
        double pairs = PairwiseAgreement.Of(policy, _judged, cancellationToken);
        progress(1);
        return (new(stage, correct / responses.Count, rouge / responses.Count, nll, pairs, meanLength), responses);
    }

    /// <summary>Greedy responses to all exercises, and their mean length in tokens.</summary>
    public (List<string> Responses, double MeanLength) Generate(IPolicyModel policy, Action<double> progress,
        CancellationToken cancellationToken)
    {
        var responses = new List<string>(_exercises.Count);
        double tokens = 0;
        foreach (Exercise[] batch in _exercises.Chunk(Batch))
        {
            SamplingRequest[] requests = [.. batch.Select(e => new SamplingRequest
            {
                Prompt = _groups.EncodePrompt(e.Instruction),
                Temperature = 0,
                MaxNewTokens = 64,
                StopTokens = [_tokenizer.EosId],
            })];
            foreach (IReadOnlyList<SampledResponse> samples in policy.Sample(requests, cancellationToken))
            {
                responses.Add(_tokenizer.Decode(samples[0].Tokens.ToArray()));
                tokens += samples[0].Tokens.Count;
            }

            progress((double)responses.Count / _exercises.Count);
        }

        return (responses, tokens / responses.Count);
    }

    private static double MeanTokenNll(IPolicyModel policy, List<TokenGroup> references, CancellationToken cancellationToken)
    {
        double sum = 0;
        long tokens = 0;
        foreach (TokenGroup[] batch in references.Chunk(Batch))
        {
            var logProbs = new double[batch.Length];
            policy.Score(batch, logProbs, cancellationToken);
            sum -= logProbs.Sum();
            tokens += batch.Sum(g => g.Responses[0].Length);
        }

        return sum / tokens;
    }
}
