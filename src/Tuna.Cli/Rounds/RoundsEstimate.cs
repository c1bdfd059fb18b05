using Tuna.Cli.Services;
using Tuna.Data;

namespace Tuna.Cli.Rounds;

/// <summary>What the calls of all rounds will take at most, counted before the first one.</summary>
internal static class RoundsEstimate
{
    // As the stages have them where nobody says otherwise.
    private const int Count = 4, MaxNewTokens = 256;

    public static CallEstimate Of(RoundsSettings s, IReadOnlyList<InstructionExample> rows)
    {
        int count = s.Sample.Number("count", Count), longest = s.Sample.Number("max-new-tokens", MaxNewTokens);
        int heldOut = s.HeldOut > 0 ? (int)Math.Ceiling(rows.Count * s.HeldOut) : 0;
        IReadOnlyList<InstructionExample> asked = s.Rows > 0 ? [.. rows.Take(s.Rows + heldOut)] : rows;
        var sum = new CallEstimate(0, 0, 0);
        if (s.Sampler.IsService)
            sum = Add(sum, CallEstimate.Answering(asked, count, longest), s.Rounds);
        if (s.Judge.IsService)
        {
            int orders = Math.Max(1, s.Rank.Number("orders", 1));
            sum = Add(sum, CallEstimate.JudgingAnswers(asked, count, longest, orders), s.Rounds);
            sum = Add(sum, CallEstimate.JudgingAnswers([.. rows.Take(heldOut)], 2, longest, orders), s.Rounds);
        }

        return sum;
    }

    private static CallEstimate Add(CallEstimate a, CallEstimate b, int times) =>
        new(a.Calls + (times * b.Calls), a.InputTokens + (times * b.InputTokens), a.OutputTokens + (times * b.OutputTokens));
}
