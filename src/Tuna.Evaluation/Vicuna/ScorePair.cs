using System.Globalization;
using System.Text.RegularExpressions;
using Tuna.Evaluation.PythonSemantics;

namespace Tuna.Evaluation.Vicuna;

/// <summary>The two scores that a reply of the 2023 protocol gives.</summary>
/// <param name="First">Score of the answer shown first.</param>
/// <param name="Second">Score of the answer shown second.</param>
public readonly record struct ScorePair(double First, double Second)
{
    private const string Score = @"(\d+(?:\.\d+)?)(?:\s*/\s*10)?";

    private static readonly Regex[] s_lenient =
    [
        // a line with nothing but two scores
        new($@"^[\s""'*_(\[{{]*{Score}[\s,;|&*]+{Score}[\s""'*_)\]}}.]*$", RegexOptions.CultureInvariant),
        // the tuple that the math prompt asks for at the end
        new($@"\(\s*{Score}\s*,\s*{Score}\s*\)", RegexOptions.CultureInvariant | RegexOptions.RightToLeft),
        new($@"Assistant 1\W{{0,5}}\s*{Score}[\s\S]{{0,40}}?Assistant 2\W{{0,5}}\s*{Score}", RegexOptions.CultureInvariant),
    ];

    /// <summary>What the official parser returns for a reply it does not understand.</summary>
    public static ScorePair NotUnderstood => new(-1, -1);

    /// <summary>Whether the reply was understood. The official code cannot tell a reply of "-1 -1" from none, and neither can
    /// this.</summary>
    public bool Understood => this != NotUnderstood;

    /// <summary>The official parser (FastChat's parse_score of 2023): the first line, with commas made spaces, is two numbers parted by one
    /// space.</summary>
    /// <remarks>So "8 9" and "8,9" are understood, "8, 9", "(8, 9)" and a trailing space are not. Of 1,040 published reviews 39 parse
    /// otherwise than the stored scores, which people had mended.</remarks>
    public static ScorePair Parse(string reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        string[] parts = reply.Split('\n')[0].Replace(',', ' ').Split(' ');
        return parts.Length == 2 && PythonFloat.TryParse(parts[0], out double first) && PythonFloat.TryParse(parts[1], out double second)
            ? new ScorePair(first, second)
            : NotUnderstood;
    }

    /// <summary>A lenient parser of our own: the official one, then any line of two scores, a tuple anywhere (the last), or "Assistant 1: 8
    /// ... Assistant 2: 9". Scores are in [0, 10].</summary>
    public static ScorePair ParseLeniently(string reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        if (Parse(reply) is { First: >= 0 and <= 10, Second: >= 0 and <= 10 } official)
            return official;
        IEnumerable<Match> matches =
            [.. reply.Split('\n').Select(line => s_lenient[0].Match(line)), s_lenient[1].Match(reply), s_lenient[2].Match(reply)];
        return matches.Where(match => match.Success).Select(Of)
            .FirstOrDefault(pair => pair is { First: >= 0 and <= 10, Second: >= 0 and <= 10 }, NotUnderstood);
    }

    // As Python's float: \d is any script's digit, and so are they read.
    private static ScorePair Of(Match match) =>
        PythonFloat.TryParse(match.Groups[1].Value, out double first) && PythonFloat.TryParse(match.Groups[2].Value, out double second)
        ? new ScorePair(first, second)
        : NotUnderstood;
}
