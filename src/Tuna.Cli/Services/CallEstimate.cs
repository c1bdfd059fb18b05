using System.Globalization;
using Tuna.Data;
using Tuna.Chat;

namespace Tuna.Cli.Services;

/// <summary>What calls will take, counted from the lengths of texts before the first one is made.</summary>
/// <param name="Calls">How many.</param>
/// <param name="InputTokens">Tokens of their prompts.</param>
/// <param name="OutputTokens">Tokens of their replies.</param>
internal sealed record CallEstimate(long Calls, long InputTokens, long OutputTokens)
{
    // English has about four characters a token; other languages have fewer.
    private const int CharactersPerToken = 3;
    private const int JudgeInstructions = 400;
    private const int JudgeReply = 40;
    private const int JudgeReplyPerCandidate = 25;
    private const int ChatOverhead = 20;
    private const int Reserved = 4096;
    private const int CallsUnderWay = 128;

    /// <summary>Three times the estimate, for re-asks and for texts that are cut into more tokens, and what is set aside for calls under
    /// way.</summary>
    public long UsualBudget => (3 * (InputTokens + OutputTokens)) + (Reserved * Math.Min(Calls, CallsUnderWay));

    /// <summary>Of judging rows, each in several orders.</summary>
    public static CallEstimate Judging(IEnumerable<RankedExample> rows, int orders)
    {
        var sum = new CallEstimate(0, 0, 0);
        foreach (RankedExample row in rows)
        {
            long input = JudgeInstructions + Tokens(row.Instruction) + Tokens(row.Input) + row.Outputs.Sum(Tokens);
            sum = new(sum.Calls + orders, sum.InputTokens + (orders * input),
                sum.OutputTokens + (orders * (JudgeReply + (JudgeReplyPerCandidate * (long)row.Outputs.Count))));
        }

        return sum;
    }

    /// <summary>Of answering instructions several times; replies may be as long as they are allowed to be.</summary>
    public static CallEstimate Answering(IReadOnlyCollection<InstructionExample> rows, int count, int maxNewTokens) => new(
        (long)rows.Count * count,
        rows.Sum(row => count * (ChatOverhead + Tokens(row.Instruction) + Tokens(row.Input))),
        (long)rows.Count * count * maxNewTokens);

    /// <summary>Of judging answers that are not there yet: each may be as long as it is allowed to be.</summary>
    public static CallEstimate JudgingAnswers(IReadOnlyCollection<InstructionExample> rows, int count, int maxNewTokens, int orders) => new(
        (long)rows.Count * orders,
        rows.Sum(row => orders * (JudgeInstructions + Tokens(row.Instruction) + Tokens(row.Input) + ((long)count * maxNewTokens))),
        (long)rows.Count * orders * (JudgeReply + (JudgeReplyPerCandidate * count)));

    /// <summary>Of comparing two answers to each question.</summary>
    public static CallEstimate Comparing(int questions, int answerTokens) =>
        new(2L * questions, 2L * questions * (JudgeInstructions + (2L * answerTokens)), 2L * questions * 300);

    public string Text(string model, TokenPrices prices)
    {
        string cost = prices == TokenPrices.None
            ? "" : string.Create(CultureInfo.InvariantCulture, $", about {prices.CostOf(InputTokens, OutputTokens):0.##} at these prices");
        return string.Create(CultureInfo.InvariantCulture,
            $"Estimate: {Calls:N0} calls to {model}, {InputTokens:N0} tokens of prompts and {OutputTokens:N0} of replies{cost}; what is "
            + $"journaled already costs nothing.");
    }

    private static long Tokens(string? text) => ((text?.Length ?? 0) + CharactersPerToken - 1) / CharactersPerToken;
}
