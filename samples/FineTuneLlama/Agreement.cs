using Tuna.Policies;

namespace FineTuneLlama;

/// <summary>How a policy or a reward model orders unseen responses, compared with the ranker that scored them.</summary>
/// <param name="Pairs">Pairs with different scores.</param>
/// <param name="InOrder">Share of them that the policy's mean log-probability per token, or the reward, orders alike, [0, 1].</param>
/// <param name="Mean">Mean over responses of the log-probability per token, nats, or of the reward.</param>
internal sealed record Agreement(int Pairs, double InOrder, double Mean)
{
    public static Agreement Measure(IResponseScorer policy, IReadOnlyList<TokenGroup> groups, CancellationToken cancellationToken)
    {
        var outputs = new double[groups.Sum(g => g.Responses.Count)];
        policy.Score(groups, outputs, cancellationToken);
        int pairs = 0, right = 0, first = 0;
        double sum = 0;
        foreach (TokenGroup group in groups)
        {
            for (int k = 0; k < group.Responses.Count; k++)
                sum += Value(k);
            for (int j = 0; j < group.CandidateCount; j++)
            {
                for (int k = j + 1; k < group.CandidateCount; k++)
                {
                    if (group.Scores.Span[j] == group.Scores.Span[k])
                        continue;
                    pairs++;
                    right += Value(j) > Value(k) ? 1 : 0;
                }
            }

            first += group.Responses.Count;

            double Value(int k) => outputs[first + k] / (policy is IPolicyModel ? group.Responses[k].Length : 1);
        }

        return new Agreement(pairs, pairs == 0 ? double.NaN : (double)right / pairs, outputs.Length == 0 ? double.NaN : sum / outputs.Length);
    }
}
