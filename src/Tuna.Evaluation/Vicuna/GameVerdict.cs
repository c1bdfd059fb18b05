using System.Globalization;
using System.Text.RegularExpressions;
using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.Vicuna;

/// <summary>What the judge says of two answers, A and B.</summary>
internal enum GameVerdict
{
    /// <summary>The reply was not understood, or there was none.</summary>
    Error,

    /// <summary>The answer shown first is better.</summary>
    A,

    /// <summary>The answer shown second is better.</summary>
    B,

    /// <summary>Neither is.</summary>
    Tie,
}

/// <summary>Readers of the judge's replies: the official ones (FastChat's llm_judge) and a lenient one.</summary>
internal static partial class GameReplies
{
    private const double TieMargin = 0.1;

    private static readonly PythonRegex[] s_pairs =
        [PythonRegex.Search(@"\[\[(?<a>\d+\.?\d*),\s?(?<b>\d+\.?\d*)\]\]"), PythonRegex.Search(@"\[(?<a>\d+\.?\d*),\s?(?<b>\d+\.?\d*)\]")];

    private static readonly PythonRegex[] s_ratings =
        [PythonRegex.Search(@"\[\[(?<a>\d+\.?\d*)\]\]"), PythonRegex.Search(@"\[(?<a>\d+\.?\d*)\]")];

    /// <summary>The official reader: <c>[[A]]</c> anywhere, else <c>[[B]]</c> anywhere, else <c>[[C]]</c> (a tie), whatever their
    /// order.</summary>
    public static GameVerdict Verdict(string reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        return reply.Contains("[[A]]", StringComparison.Ordinal) ? GameVerdict.A
            : reply.Contains("[[B]]", StringComparison.Ordinal) ? GameVerdict.B
            : reply.Contains("[[C]]", StringComparison.Ordinal) ? GameVerdict.Tie
            : GameVerdict.Error;
    }

    /// <summary>A lenient reader of our own: the last verdict in double brackets, else the last in single ones; small letters, spaces and
    /// the word "tie" are taken too.</summary>
    public static GameVerdict VerdictLeniently(string reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        Match match = DoubleBrackets().Match(reply) is { Success: true } twice ? twice : SingleBrackets().Match(reply);
        return match.Groups[1].Value.ToUpperInvariant() switch
        {
            "A" => GameVerdict.A,
            "B" => GameVerdict.B,
            "C" or "TIE" => GameVerdict.Tie,
            _ => GameVerdict.Error,
        };
    }

    /// <summary>The official reader of two ratings, <c>[[8,9]]</c> or else <c>[8,9]</c>; ratings within 0.1 of each other, in double
    /// arithmetic, tie.</summary>
    /// <remarks>Numbers with a leading zero, or in digits of another script, make the official code fail; here they are an error.</remarks>
    public static GameVerdict RatingPair(string reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        var text = new NeutralText(reply);
        PythonRegex? pattern = Array.Find(s_pairs, pattern => pattern.IsMatch(text));
        if (pattern is null || Literal(pattern.Group(text, "a")!) is not { } a || Literal(pattern.Group(text, "b")!) is not { } b)
            return GameVerdict.Error;
        return Math.Abs(a - b) <= TieMargin ? GameVerdict.Tie : a > b ? GameVerdict.A : GameVerdict.B;
    }

    /// <summary>The official reader of one rating, <c>[[8]]</c> or else <c>[8]</c>; null when there is none (the official code says
    /// -1).</summary>
    public static double? Rating(string reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        var text = new NeutralText(reply);
        return Array.Find(s_ratings, pattern => pattern.IsMatch(text)) is { } pattern ? Literal(pattern.Group(text, "a")!) : null;
    }

    // A number as Python's source code has it: no leading zero before another digit unless there is a point.
    private static double? Literal(string number)
    {
        bool wellFormed = number.All(c => char.IsAsciiDigit(c) || c == '.')
            && (number.Contains('.', StringComparison.Ordinal) || number[0] != '0' || number.All(c => c == '0'));
        return wellFormed ? double.Parse(number, CultureInfo.InvariantCulture) : null;
    }

    [GeneratedRegex(@"\[\[\s*(A|B|C|tie)\s*\]\]", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.RightToLeft)]
    private static partial Regex DoubleBrackets();

    [GeneratedRegex(@"\[\s*(A|B|C|tie)\s*\]", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.RightToLeft)]
    private static partial Regex SingleBrackets();
}
