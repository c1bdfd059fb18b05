using System.Globalization;
using System.Text.Json.Nodes;
using Tuna.Policies;

namespace Tuna.Cli.Training;

/// <summary>How a policy stands to ranked responses: whether it orders them as the ranker did, and how likely it finds the answers it
/// should give.</summary>
/// <param name="Rows">Rows that were measured.</param>
/// <param name="Pairs">Pairs of candidates with different scores.</param>
/// <param name="InOrder">Share of the pairs whose better candidate has the higher mean log-probability per token, [0, 1]; null without
/// pairs.</param>
/// <param name="NllPerToken">Negative log-likelihood of the answers, nats per token: of the reference response, or of the best candidate
/// where a row has none.</param>
internal sealed record Outcome(int Rows, int Pairs, double? InOrder, double NllPerToken)
{
    private const int RowsPerPass = 8;

    public static Outcome Measure(IResponseScorer policy, IReadOnlyList<TokenGroup> groups, IProgress<int>? progress,
        CancellationToken cancellationToken)
    {
        int pairs = 0, right = 0;
        long tokens = 0;
        double nll = 0;
        for (int first = 0; first < groups.Count; first += RowsPerPass)
        {
            TokenGroup[] batch = [.. groups.Skip(first).Take(RowsPerPass)];
            var logProbs = new double[batch.Sum(g => g.Responses.Count)];
            policy.Score(batch, logProbs, cancellationToken);
            int row = 0;
            foreach (TokenGroup group in batch)
            {
                ReadOnlySpan<double> of = logProbs.AsSpan(row, group.Responses.Count);
                (int compared, int inOrder) = Compare(group, of);
                pairs += compared;
                right += inOrder;
                int answer = group.HasReference ? group.CandidateCount : 0;
                nll -= of[answer];
                tokens += group.Responses[answer].Length;
                row += group.Responses.Count;
            }

            progress?.Report(Math.Min(first + RowsPerPass, groups.Count));
        }

        return new(groups.Count, pairs, pairs == 0 ? null : (double)right / pairs, tokens == 0 ? 0 : nll / tokens);
    }

    public JsonObject ToJson() => new()
    {
        ["rows"] = Rows,
        ["pairs"] = Pairs,
        ["pairs_in_order"] = InOrder,
        ["nll_per_token"] = double.IsFinite(NllPerToken) ? NllPerToken : null,
    };

    public static Outcome? Of(JsonNode? json) => json is not JsonObject o || o["rows"] is not { } rows
        ? null
        : new(rows.GetValue<int>(), o["pairs"]!.GetValue<int>(), o["pairs_in_order"]?.GetValue<double>(),
            o["nll_per_token"]?.GetValue<double>() ?? double.NaN);

    /// <summary>A small table of what training changed.</summary>
    /// <param name="before">Of the model that training started from.</param>
    /// <param name="after">Of the trained model.</param>
    /// <param name="heldOut">Whether training never saw these rows.</param>
    public static string Text(Outcome before, Outcome after, bool heldOut)
    {
        string where = heldOut ? $"on {after.Rows} held-out {(after.Rows == 1 ? "row" : "rows")}"
            : $"on {(after.Rows == 1 ? "the one row" : $"{after.Rows} of the rows")} it was trained on (none was held out; "
                + "--held-out 0.1 holds out a tenth)";
        var lines = new List<string> { where + ":   before -> after" };
        if (before.InOrder is { } was && after.InOrder is { } now)
            lines.Add(string.Create(CultureInfo.InvariantCulture,
                $"  pairs in the ranker's order    {was:P1} -> {now:P1}   ({after.Pairs} pairs)"));
        lines.Add(string.Create(CultureInfo.InvariantCulture,
            $"  NLL of the answers per token   {before.NllPerToken:0.0000} -> {after.NllPerToken:0.0000}"));
        return string.Join(Environment.NewLine, lines);
    }

    private static (int Pairs, int InOrder) Compare(TokenGroup group, ReadOnlySpan<double> logProbs)
    {
        ReadOnlySpan<double> scores = group.Scores.Span;
        int pairs = 0, right = 0;
        for (int j = 0; j < group.CandidateCount; j++)
        {
            for (int k = j + 1; k < group.CandidateCount; k++)
            {
                if (scores[j] == scores[k])
                    continue;
                pairs++;
                right += logProbs[j] / group.Responses[j].Length > logProbs[k] / group.Responses[k].Length ? 1 : 0;
            }
        }

        return (pairs, right);
    }
}
