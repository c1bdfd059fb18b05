using Tuna.Evaluation.Vicuna;

namespace Quickstart;

/// <summary>What a policy is worth on exercises that no training has seen.</summary>
/// <param name="Stage">Name of the policy.</param>
/// <param name="Accuracy">Share of exercises whose greedy response is correct, [0, 1].</param>
/// <param name="RougeL">Mean ROUGE-L F of the greedy response against the reference, [0, 1].</param>
/// <param name="Nll">Mean negative log-likelihood of the reference, nats per token.</param>
/// <param name="PairAccuracy">Share of judged pairs that the policy's length-normalized log-probability orders as the judge does, [0,
/// 1].</param>
/// <param name="MeanLength">Mean length of the greedy responses, tokens.</param>
/// <param name="AgainstSft">The judge's verdicts on the greedy responses beside those of the SFT policy; null for that policy
/// itself.</param>
internal sealed record StageScores(string Stage, double Accuracy, double RougeL, double Nll, double PairAccuracy, double MeanLength,
    VicunaScore? AgainstSft = null)
{
    public static readonly IReadOnlyList<(string Title, string Unit, Func<StageScores, double> Value, string Format)> Columns =
    [
        ("accuracy", "%", s => 100 * s.Accuracy, "0.0"),
        ("ROUGE-L", "%", s => 100 * s.RougeL, "0.0"),
        ("NLL", "nats/token", s => s.Nll, "0.000"),
        ("pairwise accuracy", "%", s => 100 * s.PairAccuracy, "0.0"),
        ("win", "%", s => Share(s.AgainstSft, v => v.Wins), "0.0"),
        ("lose", "%", s => Share(s.AgainstSft, v => v.Losses), "0.0"),
        ("tie", "%", s => Share(s.AgainstSft, v => v.Ties), "0.0"),
        ("mean length", "tokens", s => s.MeanLength, "0.0"),
    ];

    private static double Share(VicunaScore? score, Func<VicunaScore, int> count) =>
        score is null ? double.NaN : 100.0 * count(score) / (score.Wins + score.Losses + score.Ties);
}
